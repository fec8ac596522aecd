"""The literature behind the methods."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REFERENCES", "Reference"]


@dataclass(frozen=True)
class Reference:
    """One source; `doi` without the resolver's address, empty where there is none."""

    text: str
    doi: str = ""


REFERENCES: dict[str, Reference] = {
    "otsu": Reference(
        "N. Otsu, A threshold selection method from gray-level histograms, "
        "IEEE Trans. Syst. Man Cybern. 9, 62–66 (1979).",
        "10.1109/TSMC.1979.4310076",
    ),
    "multi": Reference(
        "P.-S. Liao, T.-S. Chen, P.-C. Chung, A fast algorithm for multilevel thresholding, "
        "J. Inf. Sci. Eng. 17, 713–727 (2001)."
    ),
    "triangle": Reference(
        "G. W. Zack, W. E. Rogers, S. A. Latt, Automatic measurement of sister chromatid exchange frequency, "
        "J. Histochem. Cytochem. 25, 741–753 (1977).",
        "10.1177/25.7.70454",
    ),
    "canny": Reference(
        "J. Canny, A computational approach to edge detection, "
        "IEEE Trans. Pattern Anal. Mach. Intell. 8, 679–698 (1986).",
        "10.1109/TPAMI.1986.4767851",
    ),
    "kmeans": Reference(
        "S. P. Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28, 129–137 (1982).",
        "10.1109/TIT.1982.1056489",
    ),
    "unet": Reference(
        "O. Ronneberger, P. Fischer, T. Brox, U-Net: convolutional networks for biomedical image segmentation, Proc. "
        "MICCAI, 234–241 (2015).",
        "10.1007/978-3-319-24574-4_28",
    ),
    "segnet": Reference(
        "V. Badrinarayanan, A. Kendall, R. Cipolla, SegNet: a deep convolutional encoder-decoder architecture for "
        "image segmentation, IEEE Trans. Pattern Anal. Mach. Intell. 39, 2481–2495 (2017).",
        "10.1109/TPAMI.2016.2644615",
    ),
    "lrcsnet": Reference(
        "Z. Su et al., Artificial neural network approach for multiphase segmentation of battery electrode nano-CT "
        "images, npj Comput. Mater. 8, 30 (2022).",
        "10.1038/s41524-022-00709-7",
    ),
    "forest": Reference("L. Breiman, Random forests, Mach. Learn. 45, 5–32 (2001).", "10.1023/A:1010933404324"),
    "boosting": Reference(
        "J. H. Friedman, Greedy function approximation: a gradient boosting machine, Ann. Stat. 29, 1189–1232 (2001).",
        "10.1214/aos/1013203451",
    ),
    "nlm": Reference(
        "A. Buades, B. Coll, J.-M. Morel, A non-local algorithm for image denoising, Proc. CVPR 2, 60–65 (2005).",
        "10.1109/CVPR.2005.38",
    ),
    "beucher": Reference(
        "S. Beucher, F. Meyer, The morphological approach to segmentation: the watershed transformation, in "
        "E. R. Dougherty (ed.), Mathematical Morphology in Image Processing, Marcel Dekker, 433–481 (1993)."
    ),
    "meyer": Reference(
        "F. Meyer, Topographic distance and watershed lines, Signal Process. 38, 113–125 (1994).",
        "10.1016/0165-1684(94)90060-4",
    ),
    "ohser": Reference(
        "J. Ohser, K. Schladitz, 3D Images of Materials Structures: Processing and Analysis, Wiley-VCH (2009).",
        "10.1002/9783527628308",
    ),
    "legland": Reference(
        "D. Legland, K. Kiêu, M.-F. Devaux, Computation of Minkowski measures on 2D and 3D binary images, "
        "Image Anal. Stereol. 26, 83–92 (2007).",
        "10.5566/ias.v26.p83-92",
    ),
    "miles": Reference(
        "R. E. Miles, On the elimination of edge effects in planar sampling, in E. F. Harding, D. G. Kendall (eds.), "
        "Stochastic Geometry, Wiley, 228–247 (1974)."
    ),
    "serra": Reference("J. Serra, Image Analysis and Mathematical Morphology, Academic Press (1982)."),
    "wadell": Reference(
        "H. Wadell, Volume, shape, and roundness of rock particles, J. Geol. 40, 443–451 (1932).", "10.1086/623964"
    ),
}
