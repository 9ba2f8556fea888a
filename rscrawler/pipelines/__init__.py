"""Item pipelines: dedupe, store, record, in this order; topics is for other projects."""
