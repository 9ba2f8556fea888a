"""Item pipelines, in their order: dedupe, store."""
