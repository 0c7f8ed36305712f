"""The pages that `tandem up` serves to the person's own browser (docs/web.md)."""
