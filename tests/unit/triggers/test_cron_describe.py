"""Cron rules in words (rule T7)."""

from __future__ import annotations

import pytest

from anysched.triggers import CronTrigger


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("30 9 * * mon-fri", "at 09:30 on Monday to Friday"),
        ("*/15 9-17 * * 1-5", "every 15 minutes between 09:00 and 17:59 on Monday to Friday"),
        ("0 0 * * 5L", "at 00:00 on the last Friday of the month"),
        ("* * * * *", "every minute"),
        ("*/7 * * * *", "at minutes 0 to 56 in steps of 7 of every hour"),
        ("0 * * * *", "every hour"),
        ("5 * * * *", "at minute 5 of every hour"),
        ("0 */2 * * *", "every 2 hours from 00:00"),
        ("30 */2 * * *", "every 2 hours from 00:30"),
        ("30 1-23/2 * * *", "every 2 hours between 01:30 and 23:30"),
        ("0 9,17 * * *", "at 09:00 and 17:00 every day"),
        ("0 9-17 * * *", "every hour between 09:00 and 17:00"),
        (
            "*/20 22-2 * * mon",
            "every 20 minutes between 00:00 and 02:59 and between 22:00 and 23:59 on Monday",
        ),
        ("*/20 8-11,14-17 * * *", "every 20 minutes between 08:00 and 11:59 and between 14:00 and 17:59"),
        ("0 20-5 * * *", "every hour between 20:00 and 05:00"),
        ("0 20-5 * 6 *", "at minute 0 of hours 0 to 5 and 20 to 23 every day in June"),
        ("15,45 9-17 * * *", "at minutes 15 and 45 of hours 9 to 17 every day"),
        ("*/20 1,5,9 * * *", "at minutes 0, 20 and 40 of hours 1, 5 and 9 every day"),
        ("10-20 * * * *", "at minutes 10 to 20 of every hour"),
        ("* 9 * * *", "every minute between 09:00 and 09:59"),
        ("* 22-2 * * *", "every minute between 22:00 and 02:59"),
        ("0 22-2 * * *", "at 00:00, 01:00, 02:00, 22:00 and 23:00 every day"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("* * * * * *", "every second"),
        ("5,9 * * * * *", "at seconds 5 and 9 of every minute"),
        ("30 */5 * * * *", "every 5 minutes at second 30"),
        ("15 30 9 * * *", "at 09:30:15 every day"),
        ("*/10 30 9 * * *", "at 09:30, 09:30:10, 09:30:20, 09:30:30, 09:30:40 and 09:30:50 every day"),
        ("*/10 * 9-17 * * *", "every 10 seconds between 09:00 and 17:59"),
        ("1-30/7 * * * *", "at minutes 1 to 29 in steps of 7 of every hour"),
        ("5/15 * * * *", "at minutes 5, 20, 35 and 50 of every hour"),
        ("0 0 1 * *", "at 00:00 on the 1st of the month"),
        ("0 0 1,15 * *", "at 00:00 on the 1st and 15th of the month"),
        ("0 0 1-7 * +mon", "at 00:00 on the 1st to 7th of the month, if that is Monday"),
        ("0 0 13 * 5", "at 00:00 on the 13th of the month or on Friday"),
        ("0 0 13 * +5", "at 00:00 on the 13th of the month, if that is Friday"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 0 L-3 * *", "at 00:00 on the 3rd day before the last of the month"),
        ("0 0 15W * *", "at 00:00 on the weekday nearest the 15th of the month"),
        ("0 0 LW * *", "at 00:00 on the last weekday of the month"),
        ("0 0 L-1W * *", "at 00:00 on the weekday nearest the 1st day before the last of the month"),
        ("0 0 1,L * *", "at 00:00 on the 1st and the last day of the month"),
        ("0 0 */2 * *", "at 00:00 on every 2nd day from the 1st to the 31st of the month"),
        ("0 0 25-5 * *", "at 00:00 on the 1st to 5th and 25th to 31st of the month"),
        ("0 0 * * 5#3", "at 00:00 on the third Friday of the month"),
        ("0 0 * * fri#3,monL", "at 00:00 on the third Friday and the last Monday of the month"),
        ("0 0 * 6-8 *", "at 00:00 every day in June to August"),
        ("0 0 * nov-feb fri", "at 00:00 on Friday in November to February"),
        ("0 0 1 1 *", "at 00:00 on the 1st of January"),
        ("0 0 * 3 friL", "at 00:00 on the last Friday of March"),
        ("0 12 13 6 fri", "at 12:00 on the 13th of the month or on Friday in June"),
        ("0 0 0 1 1 * 2027", "at 00:00 on the 1st of January in 2027"),
        ("0 0 0 1 1 * 2027-2030", "at 00:00 on the 1st of January in 2027 to 2030"),
        ("H * * * *", "at a minute of its own of every hour"),
        ("H H * * *", "at a minute of its own of an hour of its own every day"),
        ("H H(0-7) * * *", "at a minute of its own of an hour of its own from 0 to 7 every day"),
        ("H/15 * * * *", "at every 15th minute (from one of its own) of every hour"),
        ("H(0-29)/10 * * * *", "at every 10th minute from 0 to 29 (from one of its own) of every hour"),
        ("H 9-17 * * mon-fri", "at a minute of its own of hours 9 to 17 on Monday to Friday"),
        ("0 0 H * *", "at 00:00 on a day of its own from the 1st to the 28th of the month"),
        ("0 0 * * H(mon-fri)", "at 00:00 on a weekday of its own from Monday to Friday"),
        ("0 0 1 H *", "at 00:00 on the 1st of a month of its own"),
        ("H 5,H * * * *", "at a second of its own of minute 5 and a minute of its own of every hour"),
        ("0 9 * * fri-mon", "at 09:00 on Friday to Monday"),
        ("0 9 * * 0-6", "at 09:00 every day"),
        ("0 0 1-31 * 5", "at 00:00 every day"),
        ("0 9 * * mon,wed,fri", "at 09:00 on Monday, Wednesday and Friday"),
        ("0 0 1 1,7 *", "at 00:00 on the 1st of January and July"),
        ("0 6 1-7,L * *", "at 06:00 on the 1st to 7th and the last day of the month"),
        ("@hourly", "every hour"),
        ("0 0 29 2 *", "at 00:00 on the 29th of February"),
        (
            "0 0 */2 * +mon",
            "at 00:00 on every 2nd day from the 1st to the 31st of the month, if that is Monday",
        ),
        ("0 9 1/9 * *", "at 09:00 on the 1st, 10th, 19th and 28th of the month"),
        ("0 0 * * 0-6", "at 00:00 every day"),
        ("0 0 L 2 +mon-fri", "at 00:00 on the last day of February, if that is Monday to Friday"),
        ("0 0 0 * * 5#5 2030,2032", "at 00:00 on the fifth Friday of the month in 2030 and 2032"),
        ("59 23 L-3 * *", "at 23:59 on the 3rd day before the last of the month"),
        ("0 0 1-5,10,LW * *", "at 00:00 on the 1st to 5th, 10th and the last weekday of the month"),
        ("0 0 * * 6,0", "at 00:00 on Saturday and Sunday"),
        ("*/5 * * * mon-fri", "every 5 minutes on Monday to Friday"),
        ("0 0 H(1-31)/7 * *", "at 00:00 on every 7th day (from one of its own) of the month"),
        ("H(0-29) * * * *", "at a minute of its own from 0 to 29 of every hour"),
        ("0 0 * H/3 fri", "at 00:00 on Friday in every 3rd month (from one of its own)"),
        ("0 12 ? 1,4-6 mon", "at 12:00 on Monday in January and April to June"),
    ],
)
def test_describe(expression: str, words: str) -> None:
    """rule T7: every form is told in words, and what these say is what it means."""
    assert words == CronTrigger(expression).describe()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("H * * * *", "at minute 14 of every hour"),
        ("H H * * *", "at 18:14 every day"),
        ("H/15 * * * *", "at minutes 3, 18, 33 and 48 of every hour"),
        ("H H 1 H *", "at 18:14 on the 1st of November"),
        ("0 9 * * mon", "at 09:00 on Monday"),
    ],
)
def test_describe_for_a_schedule(expression: str, words: str) -> None:
    """rule T7: with the id of a schedule, what this chooses is told as it is."""
    assert words == CronTrigger(expression).describe("backup")
