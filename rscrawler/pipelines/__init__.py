"""Item pipelines, in their order: normalize, dedupe, topics, store."""
