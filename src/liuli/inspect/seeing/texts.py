"""What figures and findings say, in English and in Chinese. Chinese needs a font with its characters in Matplotlib."""

from __future__ import annotations

from typing import Any, Literal, get_args

from liuli.core.errors import LiuliError
from liuli.core.fields import nearest

Language = Literal["en", "zh"]


def said(key: str, language: Language = "en", **values: Any) -> str:
    """The text that ``key`` means, with ``values`` filled in.

    Raises:
        LiuliError: another language.

    >>> said("share of right", "zh")
    '预测正确的比例'
    """
    known = get_args(Language)
    if language not in known:
        fix = f"write {nearest(str(language), known)}"
        raise LiuliError("language", got=repr(language), expected=f"one of {', '.join(known)}", fix=fix)
    return TEXTS[key][known.index(language)].format(**values)


TEXTS: dict[str, tuple[str, str]] = {
    # Planes of two features
    "boundary": ("boundary", "决策边界"),
    "probability of": ("probability of {name}", "{name} 的概率"),
    "margin": ("margin", "间隔"),
    "across": ("{name} (in each tile {low} to {high})", "{name}（每幅图中从 {low} 到 {high}）"),
    "unit": ("unit {n}", "单元 {n}"),
    "value of": ("value of {name}", "{name} 的值"),
    "prediction of": ("prediction of {name}", "{name} 的预测值"),
    # Images
    "filters of": ("kernels of {name}", "{name} 的卷积核"),
    "weights of": ("weights of {name}", "{name} 的权重"),
    "maps of": ("feature maps of {name}", "{name} 的特征图"),
    "first of": ("first {shown} of {all}", "前 {shown} 个，共 {all} 个"),
    "hatched": (" (hatched: below 0)", "（阴影线：小于 0）"),
    "weight": ("weight", "权重"),
    "time": ("time step", "时间步"),
    # Attributions
    "attribution": ("attribution to {score}", "对{score}的归因"),
    "gradient": ("gradient of {score}", "{score}的梯度"),
    "size of gradient": ("|gradient| of {score}", "{score}的梯度绝对值"),
    "gradient input": ("gradient x input, of {score}", "{score}的梯度与输入之积"),
    "the score of": ("the score of {name}", "{name} 的得分"),
    "the output": ("the output {name}", "输出 {name}"),
    "the loss": ("the loss", "损失"),
    "completeness": ("sum {total}, f(x) − f(baseline) {change}", "总和 {total}，f(x) − f(基线) 为 {change}"),
    "Grad-CAM": ("Grad-CAM at {name}", "{name} 的 Grad-CAM"),
    "of its largest": ("share of the largest", "占最大值的比例"),
    # Projections
    "component": ("principal component {n} ({share} of the variance)", "主成分 {n}（占方差的 {share}）"),
    "axis of t-SNE": ("t-SNE axis {n} (no unit)", "t-SNE 第 {n} 轴（无单位）"),
    # Attention
    "attends to": ("key: what is attended to", "键：被关注的位置"),
    "attending": ("query: what attends", "查询：发出关注的位置"),
    "head": ("head {n}", "第 {n} 个头"),
    "attention weight": ("attention weight", "注意力权重"),
    # Classes
    "predicted class": ("predicted class", "预测类别"),
    "true class": ("true class", "真实类别"),
    "confidence": ("confidence: probability of the predicted class", "置信度：预测类别的概率"),
    "probability that": ("predicted probability of {name}", "{name} 的预测概率"),
    "share of right": ("share that is right", "预测正确的比例"),
    "share of class": ("share of {name}", "{name} 的比例"),
    "calibrated": ("perfect calibration", "完美校准"),
    "the model": ("this model, ECE {ece}", "本模型，ECE {ece}"),
    "share of rows": ("share of the rows", "行数占比"),
    # Residuals
    "residual": ("residual: predicted − true {name}", "残差：预测值 − 真实值（{name}）"),
    "density": ("density", "密度"),
    "rows": ("rows", "行"),
    "Gaussian": ("Gaussian, log-likelihood {value}", "高斯分布，对数似然 {value}"),
    "Laplace": ("Laplace, log-likelihood {value}", "拉普拉斯分布，对数似然 {value}"),
    "quantile": ("quantile of the fitted {name}", "拟合{name}的分位数"),
    "Gaussian alone": ("Gaussian", "高斯分布"),
    "Laplace alone": ("Laplace", "拉普拉斯分布"),
    "as fitted": ("as fitted", "与拟合一致"),
    "speaks for mse": (
        "The residuals look more like a Gaussian than like a Laplace distribution (log-likelihood {gaussian} against "
        "{laplace}, Vuong's z = {z}): that speaks for the mean squared error, whose minimum is the mean.",
        "残差更接近高斯分布而非拉普拉斯分布（对数似然 {gaussian} 对 {laplace}，Vuong 检验 z = {z}）："
        "这支持使用均方误差，其最优预测是均值。",
    ),
    "speaks for mae": (
        "The residuals look more like a Laplace than like a Gaussian distribution (log-likelihood {laplace} against "
        "{gaussian}, Vuong's z = {z}): that speaks for the mean absolute error, whose minimum is the median and which "
        "large errors move less.",
        "残差更接近拉普拉斯分布而非高斯分布（对数似然 {laplace} 对 {gaussian}，Vuong 检验 z = {z}）："
        "这支持使用平均绝对误差，其最优预测是中位数，受大误差的影响较小。",
    ),
    "speaks for neither": (
        "The residuals do not tell a Gaussian from a Laplace distribution (log-likelihood {gaussian} against "
        "{laplace}, Vuong's z = {z}): neither the mean squared nor the mean absolute error is favoured.",
        "残差无法区分高斯分布与拉普拉斯分布（对数似然 {gaussian} 对 {laplace}，Vuong 检验 z = {z}）："
        "均方误差与平均绝对误差都没有明显优势。",
    ),
    "no spread": (
        "The residuals do not vary: they say nothing of the loss.",
        "残差没有变化，不能说明应使用哪种损失。",
    ),
    # Dependence
    "mean of rows": ("mean (partial dependence)", "平均（部分依赖）"),
    "each row": ("single rows (ICE)", "单个样本（ICE）"),
    "change": ("change of {name}", "{name} 的变化"),
    # Worst rows
    "loss of row": ("loss of the row", "该行的损失"),
    "nothing seen": ("nothing speaks for it", "没有支持它的部分"),
    "row": ("row {n}", "第 {n} 行"),
    "true and predicted": ("true {true}, predicted {predicted}", "真实 {true}，预测 {predicted}"),
    "true and predicted of": (
        "true {true}, predicted {predicted} ({p})",
        "真实 {true}，预测 {predicted}（{p}）",
    ),
    "true and rated": ("true {true}, given {p}", "真实 {true}，概率 {p}"),
}
