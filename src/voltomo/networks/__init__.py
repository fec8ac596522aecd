"""Networks for segmentation, one file each, behind one interface."""
