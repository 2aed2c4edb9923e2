"""Language models: pretrained on plain text, installed as packages, adapted to the messages of a workspace."""
