"""Item pipelines: dedupe, store and record, in this order; topics, for other projects."""
