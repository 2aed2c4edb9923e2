"""A model as an asset: plain files with a manifest. Writes and checks them, picks the champion, predicts."""
