"""What training and inference share: labelled images, splits, grey scaling, the domain of a model."""
