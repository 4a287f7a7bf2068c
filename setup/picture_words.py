"""What is said on the pictures of the documentation, in both languages. Not for taking them."""

from dataclasses import dataclass

ENGLISH_ANSWER = """Export the sheet as CSV; then **four lines** are enough:

```python
hours = collections.Counter()
with open("timesheet.csv", newline="") as file:
    for row in csv.DictReader(file):
        hours[row["project"]] += float(row["hours"])
```

| project | hours | share |
|:--------|------:|------:|
| Website | 42.5 | 69 % |
| Archive | 19.0 | 31 % |
"""
CHINESE_ANSWER = """把表格导出为 CSV，然后**四行代码**就够了：

```python
hours = collections.Counter()
with open("工时表.csv", newline="") as file:
    for row in csv.DictReader(file):
        hours[row["项目"]] += float(row["小时"])
```

| 项目 | 小时 | 占比 |
|:-----|-----:|-----:|
| 网站 | 42.5 | 69 % |
| 档案 | 19.0 | 31 % |
"""
ENGLISH_FILES_ANSWER = """**December stands out**: 322 visitors, a third more than in November.

1. The summer was steady, with a peak in June.
2. After the dip in August every month was better than the one before it.
3. The table agrees with the chart; only its total is missing. It is **2,346**.
"""
CHINESE_FILES_ANSWER = """**十二月最突出**：322 人，比十一月多三分之一。

1. 夏季平稳，六月最高。
2. 八月下降之后，每个月都好于前一个月。
3. 表格与图表一致，只缺合计：**2,346**。
"""
# Its own colours, by day and by night: what is previewed is a page of its own.
_SIGN = """```html
<!doctype html>
<style>
  body {{ margin: 0; display: grid; place-content: center; min-height: 100vh;
         background: #f3efe6; color: #2d3a3a; font: 1.1rem system-ui; text-align: center }}
  h1 {{ color: #c8553d; font-size: 2.2rem; margin: 0 }}
</style>
<h1>{title}</h1>
<p>{first}</p>
<p>{second}</p>
```
"""
ENGLISH_PAGE_ANSWER = "Here it is; press *Preview* to look at it.\n\n" + _SIGN.format(
    title="Open house", first="Friday, 3 to 6 pm", second="Coffee on the second floor"
)
CHINESE_PAGE_ANSWER = "做好了，点“预览”查看。\n\n" + _SIGN.format(
    title="开放日", first="星期五 15:00–18:00", second="二楼备有咖啡"
)
# What a question is about comes before it, so they are told apart by their ends.
RULES: list[dict[str, object]] = [
    {"when": "stands out", "says": [ENGLISH_FILES_ANSWER]},
    {"when": "有什么特点", "says": [CHINESE_FILES_ANSWER]},
    {"when": "open house", "says": [ENGLISH_PAGE_ANSWER]},
    {"when": "开放日", "says": [CHINESE_PAGE_ANSWER]},
    {"when": "timesheet", "says": [ENGLISH_ANSWER]},
    {"when": "工时表", "says": [CHINESE_ANSWER]},
]
MODEL = "qwen2.5:7b"
SEEING_MODEL = "gemma3:4b"
_VISITORS = (120, 138, 131, 170, 214, 236, 228, 149, 190, 205, 243, 322)


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    title: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One person's: what she asks, in which words first, and what is there from before."""

    name: str
    administrator: str
    language: str
    first_question: str
    question: str
    page_question: str
    file_question: str
    picture_name: str
    table_name: str
    table: str
    searched: str
    folder: str
    device: str
    preset: str
    older: tuple[Talk, ...]


def _table(month: str, count: str, *, months: str) -> str:
    rows = zip(months.split(), _VISITORS, strict=True)
    return "".join(f"{first},{second}\n" for first, second in ((month, count), *rows))


ENGLISH = Office(
    name="office",
    administrator="admin",
    language="en",
    page_question="Make a small page that invites to our open house.",
    file_question="What stands out in this year's visitors?",
    picture_name="Visitors.png",
    table_name="Visitors.csv",
    table=_table("month", "visitors", months="Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    first_question="How do I add up our timesheet?",
    question="How do I add up the hours of each project in our timesheet, in Python?",
    searched="meeting",
    folder="Office",
    device="Laptop",
    preset="Plain words",
    older=(
        Talk(
            title="Opening hours over the holidays",
            question="Write a notice with our opening hours over the holidays.",
            answer="**Closed** from 24 December to 1 January. We are back on 2 January at nine.",
        ),
        Talk(
            title="Agenda for the monthly meeting",
            question="Draft an agenda for the monthly meeting, one hour, five people.",
            answer="1. Decisions of the last meeting\n2. Figures of the month\n3. Open questions",
        ),
        Talk(
            title="A kinder reminder for a late invoice",
            question="Make this reminder for a late invoice kinder.",
            answer="Perhaps our invoice of 3 May has escaped you; could you have a look?",
        ),
        Talk(
            title="What is new in the travel policy",
            question="Sum up what is new in the travel policy.",
            answer="Trains come first under six hours, and a meeting of one hour is held by video.",
        ),
        Talk(
            title="Checklist for a first day at work",
            question="Make a checklist for a first day at work.",
            answer="Key, computer, a walk through the house, lunch together, the first small task.",
        ),
        Talk(
            title="Names for the two new meeting rooms",
            question="Suggest names for the two new meeting rooms.",
            answer="Harbour for the large meeting room, Lantern for the small one.",
        ),
    ),
)
CHINESE = Office(
    name="bangongshi",
    administrator="guanli",
    language="zh",
    page_question="做一个小网页，邀请大家来开放日。",
    file_question="今年的访客人数有什么特点？",
    picture_name="访客人数.png",
    table_name="访客人数.csv",
    table=_table("月份", "访客", months=" ".join(f"{month}月" for month in range(1, 13))),
    first_question="怎样汇总我们的工时表？",
    question="怎样用 Python 把工时表里每个项目的小时数加起来？",
    searched="会议",
    folder="行政",
    device="笔记本电脑",
    preset="通俗易懂",
    older=(
        Talk(
            title="节假日的营业时间",
            question="写一份节假日营业时间的通知。",
            answer="12 月 24 日至 1 月 1 日**休息**，1 月 2 日上午九点恢复营业。",
        ),
        Talk(
            title="每月例会的议程",
            question="为每月例会拟一份议程，一小时，五个人。",
            answer="1. 上次会议的决定\n2. 本月数据\n3. 待解决的问题",
        ),
        Talk(
            title="把催款邮件写得更客气一些",
            question="把这封催款邮件写得更客气一些。",
            answer="5 月 3 日的发票可能被您忽略了，方便时请看一下，谢谢！",
        ),
        Talk(
            title="差旅制度有哪些变化",
            question="总结差旅制度有哪些变化。",
            answer="六小时以内优先乘火车；一小时以内的会议改用视频。",
        ),
        Talk(
            title="新同事入职第一天的清单",
            question="列一份新同事入职第一天的清单。",
            answer="钥匙、电脑、参观办公区、一起吃午饭、第一个小任务。",
        ),
        Talk(
            title="两间新会议室的名字",
            question="给两间新会议室起名字。",
            answer="大会议室叫“港湾”，小会议室叫“灯笼”。",
        ),
    ),
)
OFFICES = (ENGLISH, CHINESE)

# Name, icon, what it is for, system prompt, starters: published to everyone.
PRESETS = (
    (
        ENGLISH.preset,
        "✎",
        "Rewrites texts so that everybody understands them.",
        "Rewrite what you are given in plain words: short sentences, no jargon. Keep every fact.",
        ["Make this notice shorter"],
    ),
    (
        CHINESE.preset,
        "✎",
        "把文字改写得人人都能看懂。",
        "请用通俗易懂的语言改写收到的文字：句子简短，不用行话，保留所有事实。",
        ["把这份通知写短一些"],
    ),
)
