"""`python -m rscrawler`."""

from rscrawler.cli import main

if __name__ == "__main__":
    main()
