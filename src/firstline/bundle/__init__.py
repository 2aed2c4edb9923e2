"""A model as an asset: plain files with a manifest, written, checked, chosen and asked."""
