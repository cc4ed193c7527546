"""The built-in list of `--drop-adult-words`: words and phrases of pornography that hardly mean anything else.

Short on purpose and English only: it holds no slurs, no words of the body, art, medicine or underwear, and none that
is often a name. It is a floor, not a safety measure; longer lists come by `--word-block-lists`, and what an image shows
can only be told from the image.
"""

ADULT_WORDS = (
    "anal sex", "blowjob", "blowjobs", "blow job", "bukkake", "camgirl", "camgirls", "cam girl", "cam girls",
    "cam sex", "cumshot", "cumshots", "cunnilingus", "deepthroat", "dildo", "dildos", "double penetration",
    "ejaculation", "erotic massage", "escort girl", "escort girls", "escort service", "fellatio", "fuck", "fucked",
    "fucking", "fucks", "futanari", "gangbang", "gang bang", "gloryhole", "hand job", "handjob", "hardcore sex",
    "hentai", "jerk off", "live sex", "masturbate", "masturbating", "masturbation", "milf", "milfs", "nsfw",
    "nude cam", "oral sex", "porn", "porno", "pornhub", "pornographic", "pornography", "porn star", "pornstar",
    "pornstars", "sex cam", "sex chat", "sex doll", "sex dolls", "sex tape", "sex toy", "sex toys", "sex video",
    "sex videos", "upskirt", "upskirts", "webcam sex", "xhamster", "xnxx", "xvideos", "xxx movie", "xxx movies",
    "xxx porn", "xxx video", "xxx videos", "youporn",
)  # fmt: skip
