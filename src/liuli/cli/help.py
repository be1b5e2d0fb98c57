"""What ``--help`` says, in English and in Chinese. A paragraph that begins with \\b is shown line by line."""

from __future__ import annotations

HELP: dict[str, tuple[str, str]] = {
    "help.liuli": (
        "Train networks on your data, and use them.\n\n"
        "\b\nExamples:\n"
        "  liuli train digits\n"
        "  liuli train houses.csv --target price --out runs/houses\n"
        "  liuli predict runs/houses/model.liuli new.csv -o prices.csv\n\n"
        "\b\nExit codes:\n"
        "  0    done\n"
        "  1    failed: the loss became NaN, or a fault of liuli\n"
        "  2    bad usage or bad data\n"
        "  3    a file is missing, damaged or cannot be written\n"
        "  130  interrupted, after saving what there is\n\n"
        "Messages are in Chinese where LANG begins with zh. LIULI_DEBUG=1 shows where a fault happened.",
        "用你的数据训练神经网络，并使用训练好的模型。\n\n"
        "\b\n示例：\n"
        "  liuli train digits\n"
        "  liuli train houses.csv --target price --out runs/houses\n"
        "  liuli predict runs/houses/model.liuli new.csv -o prices.csv\n\n"
        "\b\n退出码：\n"
        "  0    完成\n"
        "  1    失败：损失变为 NaN，或 liuli 内部错误\n"
        "  2    用法错误或数据错误\n"
        "  3    文件缺失、损坏或无法写入\n"
        "  130  被中断（已保存当前结果）\n\n"
        "LANG 以 zh 开头时显示中文。LIULI_DEBUG=1 显示内部错误的位置。",
    ),
    "help.train": (
        "Train a network on DATA, measure it on rows that it has not seen, and write a run folder.\n\n"
        "DATA is a built-in name (digits, iris, wine, breast_cancer, diabetes, xor, circles, gaussians, spirals, "
        "moons, plane, sine), a CSV, TSV or Parquet file, a .npy or .npz file, an IDX file or folder, or a folder with "
        "a folder of images for each class. What is predicted follows from the target: two values make it binary, "
        "other classes multiclass, numbers regression.\n\n"
        "The folder holds model.liuli, checkpoint.liuli, history.jsonl, run.json, report.html and pictures, with "
        "--probes also probes.liuli. A folder "
        "in which the same command ran before is overwritten; one that holds anything else is refused. Without --out "
        "a new numbered folder is made under runs.\n\n"
        "\b\nExamples:\n"
        "  liuli train digits --network cnn --out runs/digits\n"
        "  liuli train houses.csv --target price --kind zip=category\n"
        '  liuli train iris --network "64 relu, dropout 0.2, 64 relu"\n'
        "  liuli train houses.csv --out runs/houses --resume\n\n"
        "Exit codes: 0 done, 1 the loss became NaN, 2 bad usage or data, 3 a problem with a file, 130 interrupted.",
        "用 DATA 训练网络，在没有见过的数据上评估，并写入一个运行文件夹。\n\n"
        "DATA 可以是内置数据名（digits、iris、wine、breast_cancer、diabetes、xor、circles、gaussians、spirals、moons、"
        "plane、sine），CSV、TSV 或 Parquet 文件，.npy 或 .npz 文件，IDX 文件或文件夹，或每类一个子文件夹的图片文件夹。"
        "任务由目标决定：两种取值为二分类，其他类别为多分类，数值为回归。\n\n"
        "文件夹中有 model.liuli、checkpoint.liuli、history.jsonl、run.json、report.html 和 pictures，"
        "使用 --probes 时还有 probes.liuli。"
        "同一命令运行过的文件夹会被覆盖；内容不同的文件夹会被拒绝。不写 --out 时在 runs 下新建编号文件夹。\n\n"
        "\b\n示例：\n"
        "  liuli train digits --network cnn --out runs/digits\n"
        "  liuli train houses.csv --target price --kind zip=category\n"
        '  liuli train iris --network "64 relu, dropout 0.2, 64 relu"\n'
        "  liuli train houses.csv --out runs/houses --resume\n\n"
        "退出码：0 完成，1 损失变为 NaN，2 用法或数据错误，3 文件问题，130 被中断。",
    ),
    "help.predict": (
        "Predict each row of DATA with a trained MODEL, in the order of the rows.\n\n"
        "Rows are given raw: the model brings what it learnt of scales and categories. The result has one line a row: "
        "the predicted class with the probability of every class, or the predicted number in the units of the data. "
        "Missing values and categories that training never saw are counted on the standard error.\n\n"
        "\b\nExamples:\n"
        "  liuli predict runs/houses/model.liuli new.csv -o prices.csv\n"
        "  liuli predict runs/digits/model.liuli digits -o - | head\n\n"
        "Exit codes: 0 done, 2 bad usage or data, 3 a problem with a file, 130 interrupted.",
        "用训练好的 MODEL 预测 DATA 的每一行，保持行的顺序。\n\n"
        "直接给出原始数据即可：尺度和类别的处理已保存在模型中。结果每行一条：预测的类别和每一类的概率，或以数据单位表示的预测数值。"
        "缺失值和训练时未见过的类别会在标准错误中计数。\n\n"
        "\b\n示例：\n"
        "  liuli predict runs/houses/model.liuli new.csv -o prices.csv\n"
        "  liuli predict runs/digits/model.liuli digits -o - | head\n\n"
        "退出码：0 完成，2 用法或数据错误，3 文件问题，130 被中断。",
    ),
    "help.evaluate": (
        "Measure a trained MODEL on DATA that holds the target too.\n\n"
        "\b\nExamples:\n"
        "  liuli evaluate runs/houses/model.liuli held_out.csv\n"
        "  liuli evaluate runs/digits/model.liuli digits --json\n\n"
        "Exit codes: 0 done, 2 bad usage or data, 3 a problem with a file, 130 interrupted.",
        "在含有目标的 DATA 上评估训练好的 MODEL。\n\n"
        "\b\n示例：\n"
        "  liuli evaluate runs/houses/model.liuli held_out.csv\n"
        "  liuli evaluate runs/digits/model.liuli digits --json\n\n"
        "退出码：0 完成，2 用法或数据错误，3 文件问题，130 被中断。",
    ),
    "help.inspect": (
        "Show what a MODEL file holds: its layers, spec, dials, data schema, and the metrics that are known of it.\n\n"
        "With DATA, write an HTML page of what happens inside: values and gradients, back-propagation written out, "
        "what it answers and looks at, what it learned, the shape of the loss.\n\n"
        "\b\nExamples:\n"
        "  liuli inspect runs/digits/model.liuli\n"
        "  liuli inspect runs/digits/model.liuli digits --out inside.html\n"
        "  liuli inspect runs/digits/model.liuli --json\n\n"
        "Exit codes: 0 done, 2 bad usage, 3 a problem with the file.",
        "显示 MODEL 文件的内容：各层、规格、旋钮、数据模式，以及已知的指标。\n\n"
        "给出 DATA 时写出一个 HTML 页面，展示网络内部：数值与梯度、反向传播的逐步推导、网络的回答与关注的输入、"
        "学到的表示、损失的地形。\n\n"
        "\b\n示例：\n"
        "  liuli inspect runs/digits/model.liuli\n"
        "  liuli inspect runs/digits/model.liuli digits --out inside.html\n"
        "  liuli inspect runs/digits/model.liuli --json\n\n"
        "退出码：0 完成，2 用法错误，3 文件问题。",
    ),
    "help.version": ("Show the version and exit.", "显示版本并退出。"),
    "help.json": (
        "Write one JSON object to the standard output; everything else to the standard error.",
        "向标准输出写一个 JSON 对象，其余写到标准错误。",
    ),
    "help.quiet": ("Say nothing but errors.", "只显示错误。"),
    "help.language": ("en or zh; that of the environment where it is not given.", "en 或 zh；不写时按环境变量。"),
    "help.model": ("A model file, such as runs/digits/model.liuli.", "模型文件，如 runs/digits/model.liuli。"),
    "help.data": ("A built-in name, a file or a folder.", "内置数据名、文件或文件夹。"),
    "help.target": ("The column of a table to predict; the last one by default.", "要预测的列；默认为最后一列。"),
    "help.kind": (
        "COLUMN=KIND: number, category, date, boolean, text (left out) or identifier (left out). Repeatable.",
        "COLUMN=KIND：number、category、date、boolean、text（略去）或 identifier（略去）。可重复。",
    ),
    "help.network": (
        'Layers such as "64 relu, dropout 0.2, 64 relu" or "conv 32 3 relu, pool 2, 64 relu" (also flatten, batchnorm, '
        "layernorm); a .json file of a whole graph; mlp or cnn. The last layer follows from the task. By default cnn "
        "for images, and mlp (two layers of 64) for all else.",
        '各层的写法如 "64 relu, dropout 0.2, 64 relu" 或 "conv 32 3 relu, pool 2, 64 relu"（还有 flatten、batchnorm、'
        "layernorm）；或整个图的 .json 文件；或 mlp、cnn。最后一层由任务决定。"
        "图片默认用 cnn，其余默认用 mlp（两层各 64）。",
    ),
    "help.epochs": (
        "Passes over the data; by default 40 with a cnn, 200 otherwise, fewer for very many rows.",
        "训练轮数；cnn 默认 40，其余默认 200，行数很多时更少。",
    ),
    "help.batch_size": (
        "Rows a step; by default 64 with a cnn and 32 otherwise.",
        "每步的行数；cnn 默认 64，其余默认 32。",
    ),
    "help.optimizer": (
        "By name: adam, adamw, sgd, lion, nadam, rmsprop ...",
        "名称：adam、adamw、sgd、lion、nadam、rmsprop 等。",
    ),
    "help.learning_rate": (
        "By default 0.003 falling to 0 with a cnn, else the optimizer's own.",
        "默认：cnn 从 0.003 降到 0，其余用优化器自己的默认值。",
    ),
    "help.validation": (
        "The share of the training rows to validate on; by default 0.1, or 0 where there are fewer than 50.",
        "训练行中用于验证的比例；默认 0.1，少于 50 行时为 0。",
    ),
    "help.test": ("The share of all rows to test on; 0 trains on all of them.", "用于测试的比例；0 表示全部用于训练。"),
    "help.patience": (
        "Epochs without a better validation loss after which training stops and takes up its best weights; 0 never "
        "stops. By default 20, and 0 with a cnn.",
        "验证损失连续多少轮无改进即停止并恢复最佳权重；0 表示不停止。默认 20，cnn 为 0。",
    ),
    "help.seed": ("Of the split, the initial weights and the order of rows.", "用于划分、初始权重和行的顺序。"),
    "help.inspect.data": ("Rows with targets to look at the model with.", "用于观察模型的带目标的数据。"),
    "help.inspect.out": (
        "The HTML file to write; inspection.html beside the model by default.",
        "要写入的 HTML 文件；默认为模型旁的 inspection.html。",
    ),
    "help.probes": (
        "Measure activations, gradients, weights and updates inside the training, for the report.",
        "在训练过程中测量激活、梯度、权重与更新，并写入报告。",
    ),
    "help.out": (
        "The run folder; a new numbered one under runs by default.",
        "运行文件夹；默认在 runs 下新建编号文件夹。",
    ),
    "help.resume": (
        "Go on from the checkpoint of an unfinished run in --out, to the same bits as if it had not stopped.",
        "从 --out 中未完成的运行的检查点继续，结果与未中断时逐位相同。",
    ),
    "help.out.csv": ("The CSV file to write; - is the standard output.", "要写入的 CSV 文件；- 表示标准输出。"),
}
