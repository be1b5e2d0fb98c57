"""What the page of an inspection says, in English and in Chinese."""

from __future__ import annotations

from typing import Any, Literal

Language = Literal["en", "zh"]


def said(key: str, language: Language, **values: Any) -> str:
    """The text that ``key`` means, with ``values`` filled in.

    >>> said("section loss", "zh")
    '损失的地形'
    """
    return TEXTS[key][language == "zh"].format(**values)


TEXTS: dict[str, tuple[str, str]] = {
    "title": ("{name}: what happens inside", "{name}：网络内部"),
    "told": (
        "Seen on {rows} rows: loss {loss}{metrics}. The network has {parameters} parameters.",
        "基于 {rows} 行数据：损失 {loss}{metrics}。网络共有 {parameters} 个参数。",
    ),
    "contents": ("Contents", "目录"),
    "section network": ("Values and gradients", "数值与梯度"),
    "section derivation": ("Back-propagation, written out", "反向传播的逐步推导"),
    "section answers": ("What it answers", "网络的回答"),
    "section inputs": ("What it looks at", "网络关注的输入"),
    "section inside": ("What it learned", "网络学到的表示"),
    "section loss": ("The shape of the loss", "损失的地形"),
    "section absent": ("What does not apply here", "不适用的内容"),
    "drawn": (
        "One forward and one backward pass over {rows} rows. Beside each value stand its mean, its spread and the norm "
        "of the gradient of the loss that arrives there.",
        "对 {rows} 行数据进行一次前向与反向传播。每个值旁标出均值、标准差，以及到达该处的损失梯度的范数。",
    ),
    "table": ("Every value and parameter", "全部数值与参数"),
    "columns": (
        "value|shape|mean|std|min|max|zeros|norm of gradient",
        "值|形状|均值|标准差|最小|最大|零的比例|梯度范数",
    ),
    "derived": (
        "Every line was computed again from the lines before it, for {rows} rows of the data; the largest relative "
        "difference from the measured numbers is {error}.",
        "每一行都由前面各行重新计算（使用 {rows} 行数据）；与实测数值的最大相对差异为 {error}。",
    ),
    "show": ("Show the derivation ({lines} lines)", "显示推导（{lines} 行）"),
    "confusion": (
        "Rows are true classes, columns what they were taken for; shares are of each row.",
        "行为真实类别，列为预测类别；比例按行计算。",
    ),
    "calibration": (
        "Where the points lie below the diagonal, the model is surer than it is right.",
        "点位于对角线下方表示模型过于自信。",
    ),
    "residuals": (
        "The fitted densities say which loss the noise speaks for: the squared error is maximum likelihood under the "
        "Gaussian one, the absolute error under the Laplace one.",
        "拟合的密度说明噪声适合哪种损失：高斯噪声下平方误差是最大似然，拉普拉斯噪声下绝对误差是最大似然。",
    ),
    "quantiles": ("On the line, residuals are distributed as the density says.", "点落在直线上表示残差符合该分布。"),
    "worst": ("The rows of the greatest loss.", "损失最大的各行。"),
    "boundary": ("What the model answers over the plane of the two features.", "模型在两个特征所成平面上的回答。"),
    "boundary others": (
        "What the model answers over the plane of the two features that move its answer most; the others are held at "
        "their means.",
        "模型在影响最大的两个特征所成平面上的回答；其余特征取均值。",
    ),
    "dependence": (
        "The answer where one feature is set to each of its values in turn: thin lines are single rows, the thick one "
        "is their mean. These features move it most.",
        "令某一特征依次取各个值时的回答：细线为单行，粗线为平均。图中为影响最大的特征。",
    ),
    "dependence on": ("Partial dependence on {name}.", "对 {name} 的部分依赖。"),
    "attribution": (
        "Integrated gradients of row {row}, which has the greatest loss: what each input adds to the score.",
        "第 {row} 行（损失最大）的积分梯度：各输入对得分的贡献。",
    ),
    "heat": (
        "Grad-CAM of row {row}, which has the greatest loss: where the last convolution sees the class.",
        "第 {row} 行（损失最大）的 Grad-CAM：最后一个卷积层在何处看到该类别。",
    ),
    "filters": ("The weights of the first layer that looks at images.", "第一个处理图像的层的权重。"),
    "maps": ("What the first convolution makes of row {row}.", "第一个卷积层对第 {row} 行的输出。"),
    "responses": ("What the units of {at} answer over the plane.", "{at} 的各单元在平面上的响应。"),
    "attention": (
        "Which steps each head of the last attention layer looks at.",
        "最后一个注意力层各个头关注的位置。",
    ),
    "embedding": (
        "The rows as {at} sees them, on the two directions in which they differ most.",
        "各行在 {at} 处的表示，投影到差异最大的两个方向。",
    ),
    "curvature": (
        "Eigenvalues of the Hessian: how steeply the loss bends in each direction. Negative ones bend downwards.",
        "海森矩阵的特征值：损失沿各方向的弯曲程度。负值表示向下弯曲。",
    ),
    "slice": (
        "The loss is not convex: along this direction it lies above the chord.",
        "损失不是凸的：沿此方向损失高于弦。",
    ),
    "slice none": (
        "Along the direction of least curvature no chord lies below the loss.",
        "沿曲率最小的方向，没有弦低于损失。",
    ),
    "landscape": (
        "The loss on a plane through the parameters, along two random directions scaled like the filters.",
        "损失在过当前参数的平面上的值，两个随机方向按滤波器的范数缩放。",
    ),
    "without confusion": (
        "Confusion matrix: the network does not name one class for each row.",
        "混淆矩阵：网络不为每行给出一个类别。",
    ),
    "without calibration": (
        "Calibration: the network does not give probabilities of classes.",
        "校准：网络不给出类别概率。",
    ),
    "without residuals": ("Residuals: the network does not predict a number.", "残差：网络不预测数值。"),
    "without worst": ("The rows of the greatest loss could not be shown.", "无法显示损失最大的行。"),
    "without boundary": (
        "Decision boundary: it needs a table or vectors with two numeric features, and one answer for each row.",
        "决策边界：需要至少含两个数值特征的表格或向量，且每行一个回答。",
    ),
    "without dependence": (
        "Partial dependence: rows are not columns of a table or numbers of a vector.",
        "部分依赖：数据行不是表格的列或向量的分量。",
    ),
    "without attribution": (
        "Integrated gradients: they are shown for networks with one input and one output.",
        "积分梯度：仅适用于单输入单输出的网络。",
    ),
    "without heat": ("Grad-CAM: there is no convolution over images.", "Grad-CAM：网络中没有作用于图像的卷积。"),
    "without filters": ("Filters: no layer looks at images.", "滤波器：没有处理图像的层。"),
    "without feature_maps": ("Feature maps: there is no convolution.", "特征图：网络中没有卷积。"),
    "without responses": (
        "Responses of units: they need two numeric features and a hidden layer.",
        "单元响应：需要两个数值特征和一个隐藏层。",
    ),
    "without attention": ("Attention maps: there is no attention layer.", "注意力图：网络中没有注意力层。"),
    "without embedding": (
        "Embedding of the rows: there is no hidden layer of units.",
        "数据的嵌入：网络中没有由单元组成的隐藏层。",
    ),
    "without curvature": (
        "Curvature: with so many parameters it takes long; liuli.inspect.hessian finds it.",
        "曲率：参数过多，耗时较长；可用 liuli.inspect.hessian 求得。",
    ),
    "without landscape": ("The loss on a plane could not be found.", "无法求得平面上的损失。"),
    "without derivation": (
        "Back-propagation written out: for at most {most} parameters; liuli.inspect.derive does it for any network.",
        "反向传播的逐步推导：仅用于不超过 {most} 个参数的网络；liuli.inspect.derive 适用于任何网络。",
    ),
    "foot": ("Made by liuli {version}.", "由 liuli {version} 生成。"),
    # Axes of figures
    "axis loss": ("loss", "损失"),
    "axis eigenvalue": ("eigenvalue of the Hessian", "海森矩阵的特征值"),
    "axis density": ("density", "密度"),
    "axis eigenvalues found": ("eigenvalues found", "求得的特征值"),
    "axis negative": ("negative", "负"),
    "axis positive or zero": ("positive or zero", "正或零"),
    "axis distance": ("distance along the direction of least curvature", "沿曲率最小方向的距离"),
    "axis second derivative below 0": ("second derivative below 0", "二阶导数小于 0"),
    "axis chord": ("chord", "弦"),
    "axis first direction": ("a, along the first direction", "沿第一方向的 a"),
    "axis second direction": ("b, along the second direction", "沿第二方向的 b"),
    "axis model": ("model", "模型"),
}

AXES = [key.removeprefix("axis ") for key in TEXTS if key.startswith("axis ")]
