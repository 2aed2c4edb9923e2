"""Classes and labels: what people have decided and where they disagree."""
