"""What concerns HTTP alone: whose hosts are asked, robots.txt, how often."""
