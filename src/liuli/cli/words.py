"""Everything that the command line says, in English and in Chinese."""

from __future__ import annotations

import os
from typing import Any, Literal

from liuli.cli.help import HELP

Language = Literal["en", "zh"]


def language_of(chosen: str | None = None) -> Language:
    """The language that was chosen, or else that of the environment: Chinese where it is, English otherwise.

    >>> language_of("zh")
    'zh'
    """
    if chosen is None:
        names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        chosen = next(filter(None, names), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def spoken(key: str, language: Language | None = None, **values: Any) -> str:
    """The words of ``key`` with ``values`` filled in.

    >>> spoken("interrupted", "en")
    'Interrupted.'
    """
    english, chinese = WORDS[key]
    text = chinese if (language or language_of()) == "zh" else english
    return text.format(**values) if values else text


WORDS: dict[str, tuple[str, str]] = {
    # Errors
    "error": (
        "Error: {where}got {got}; expected {expected}.\nTry: {fix}.",
        "错误：{where}得到 {got}；应为 {expected}。\n可以试试：{fix}。",
    ),
    "fault": (
        "liuli met an error that it should not have: {kind}: {reason}\n"
        "Please report it with the command that you typed; LIULI_DEBUG=1 shows where it happened.",
        "liuli 出现了内部错误：{kind}: {reason}\n请附上所用的命令报告此问题；设置 LIULI_DEBUG=1 可显示出错位置。",
    ),
    "interrupted": ("Interrupted.", "已中断。"),
    # Labels
    "data": ("data", "数据"),
    "task": ("task", "任务"),
    "split": ("split", "划分"),
    "network": ("network", "网络"),
    "training": ("training", "训练"),
    "folder": ("folder", "文件夹"),
    "loss": ("loss", "损失"),
    "optimizer": ("optimizer", "优化器"),
    "measured": ("measured on", "评估于"),
    "found": ("found", "发现"),
    "worst": ("worst", "最差"),
    "written": ("written", "已写入"),
    "next": ("next", "下一步"),
    "name": ("name", "名称"),
    "kind": ("kind", "类型"),
    "missing": ("missing", "缺失"),
    "content": ("content", "内容"),
    "dial": ("dial", "旋钮"),
    "value": ("value", "数值"),
    "rows": ("rows", "行数"),
    # Training
    "task.regression": ("regression: predict the number {target}", "回归：预测数值 {target}"),
    "task.binary": ("binary: is {target} {positive} or {negative}", "二分类：{target} 是 {positive} 还是 {negative}"),
    "task.multiclass": (
        "multiclass: which of {count} classes is {target}",
        "多分类：{target} 属于 {count} 类中的哪一类",
    ),
    "parts": (
        "{train} rows to train, {validation} to validate, {test} to test",
        "训练 {train} 行，验证 {validation} 行，测试 {test} 行",
    ),
    "unstratified": (
        "The class {name} has a single row among {rows}: they are split without regard to classes.",
        "类别 {name} 在 {rows} 行中只有一行：划分时不按类别分层。",
    ),
    "network.size": (
        "{network}: {layers} layers, {parameters} parameters",
        "{network}：{layers} 层，{parameters} 个参数",
    ),
    "plan": (
        "up to {epochs} epochs, batches of {batch}, {optimizer} {rate:g}{schedule}{patience}",
        "至多 {epochs} 轮，每批 {batch} 行，{optimizer} {rate:g}{schedule}{patience}",
    ),
    "plan.cosine": (" falling to 0", "（逐渐降到 0）"),
    "plan.patience": (", stops after {patience} epochs without improvement", "，{patience} 轮无改进即停止"),
    "more.columns": ("... and {count} more columns", "……另有 {count} 列"),
    "run.new": ("{folder}", "{folder}"),
    "run.again": (
        "{folder} (the same command ran here before: it is overwritten)",
        "{folder}（此处有同一命令的运行结果：将被覆盖）",
    ),
    "run.anew": (
        "{folder} (an unfinished run of this command is begun anew; --resume would go on)",
        "{folder}（此命令未完成的运行将重新开始；--resume 可继续）",
    ),
    "run.on": ("{folder} (going on from its checkpoint)", "{folder}（从检查点继续）"),
    "run.first": ("{folder} (nothing to resume: training begins)", "{folder}（没有可继续的内容：从头训练）"),
    "run.done": (
        "{folder} holds the finished run of this command: nothing to do.",
        "{folder} 中此命令的运行已完成：无需再做。",
    ),
    "trained": ("{epochs} epochs in {seconds:.1f} s", "{epochs} 轮，用时 {seconds:.1f} 秒"),
    "trained.stopped": ("{epochs} epochs in {seconds:.1f} s: {reason}", "{epochs} 轮，用时 {seconds:.1f} 秒：{reason}"),
    "no.report": (
        "No report or pictures: pip install 'liuli[plot]' brings what they need.",
        "没有报告和图片：请先运行 pip install 'liuli[plot]'。",
    ),
    "go.on": (
        "Interrupted; whole epochs: {epochs}. The model as it is was saved. To go on:",
        "在 {epochs} 轮后中断；已保存当前模型。继续训练：",
    ),
    # Findings
    "part.test": ("the test part ({rows} rows)", "测试部分（{rows} 行）"),
    "part.validation": ("the validation part ({rows} rows)", "验证部分（{rows} 行）"),
    "part.training": ("the training part itself ({rows} rows)", "训练部分本身（{rows} 行）"),
    "confused": (
        "{true} taken for {taken}: {count} of {rows} rows",
        "把 {true} 当成 {taken}：{rows} 行中有 {count} 行",
    ),
    "none.wrong": ("every row is right", "全部正确"),
    "worst.class": (
        "row {row}: {true}, given a probability of {probability:.2g}; taken for {taken}",
        "第 {row} 行：{true}，概率仅 {probability:.2g}；被当成 {taken}",
    ),
    "worst.number": ("row {row}: {true:g}, predicted as {predicted:g}", "第 {row} 行：{true:g}，预测为 {predicted:g}"),
    # Predicting
    "predicted": ("{rows} predictions written to {path}", "已将 {rows} 条预测写入 {path}"),
    "missing.cells": ("{name}, missing: {count}, {rule}", "{name}，缺失：{count}，{rule}"),
    "unknown.cells": (
        "{name}, never seen in training: {count} ({examples}), {rule}",
        "{name}，训练时未见过：{count}（{examples}），{rule}",
    ),
    "more.cells": (
        "... and in {columns} more columns: {count} missing or never seen",
        "……另有 {columns} 列：缺失或未见过的共 {count} 个",
    ),
    "rule.slot": ("in a slot of their own", "有专门的位置表示"),
    "rule.mean": ("taken as the mean", "按平均值处理"),
    "rule.zeros": ("taken as none of the categories", "不属于任何类别"),
    "rule.other": ("taken as other", "归入其他"),
    "left.out": ("Rows without a target, left out: {count}", "没有目标而略去的行：{count}"),
    # Inspecting
    "metrics.unknown": (
        "No metrics are known: they are in run.json beside a model that liuli train made.",
        "没有已知指标：liuli train 会把它们写在模型旁的 run.json 中。",
    ),
    **HELP,
}
