"""Golden ids of a SentencePiece model, for corpus/sentencepiece.

    python3 -m pip install sentencepiece
    python3 check_sentencepiece.py MODEL                            # writes the committed golden file
    python3 check_sentencepiece.py MODEL --cases 20000 --out x.json # a larger one, then, from the root:
    RANKLAB_SENTENCEPIECE_MODEL=MODEL go test ./corpus/sentencepiece -run Golden -golden $PWD/x.json

The strings are drawn from a fixed seed: prose in several languages, code,
white space of all kinds, emoji, combining marks, compatibility characters,
control characters, unassigned code points, and invalid UTF-8. The ids are those
of the file; the Go test applies the numbering of T5 to them.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import random

import sentencepiece

PROSE = """The quick measurement of memory takes longer than the training itself, or so it seems at first.
In 1998 they counted 3,141 words; today's models read 1.1 billion of them (about 84 % without padding).
Die Größe des Unterraums hängt vom Rang ab: für r = 128 genügt ein Viertel des Speichers.
L'été dernier, nous avons mesuré la perplexité à chaque étape, c'est-à-dire très souvent.
Învățarea automată nu e magie; e algebră liniară și răbdare.
Обучение модели занимает несколько часов на двух ядрах.
我们用很少的内存训练模型，结果还不错。
メモリを節約しながら学習する方法を比べます。
메모리를 아끼면서 학습하는 방법을 비교합니다.
تدريب النماذج يحتاج إلى ذاكرة كبيرة.
हम मॉडल को कम मेमोरी में प्रशिक्षित करते हैं।
""".splitlines()

CODE = """func (m *Matrix) At(i, j int) float64 { return m.data[i*m.stride+j] }
	if err != nil {\n\t\treturn fmt.Errorf("open %s: %w", path, err)\n\t}
for (int i = 0; i < n; ++i) x[i] += alpha * y[i];
def step(self, lr=1e-3): return [p - lr * g for p, g in zip(self.params, self.grads)]
SELECT name, COUNT(*) FROM runs WHERE ppl <= 30.5 GROUP BY name;
<div class="row"><a href="https://example.com/?q=1&amp;r=2">link</a></div>
0x1F600 0b1011 1_000_000 3.14e-10 a->b::c<d>() /* ... */ #include <x.h>
""".splitlines()

ODD = """über|Straße|naïve café|½ ¼ ²³|ﬁ ﬂ ﬀ|ＡＢＣ　１２３|㌔㍉|①②③|ㅎㅏㄴ|Ångström|…|ſ|İstanbul|ǅ|ﷺ|</s> <pad> <s> <unk>|▁a ▁|a▁b|e\u0301e\u0308\u0301|\u1100\u1161\u11a8|ｶﾞｷﾞ|\u200d\u200c|👩\u200d👩\u200d👧|🇩🇪🇫🇷|👍🏽|\ufeffx|\u00adsoft\u00adhyphen|\x00|a\x00b|\x7f|\u0085|\u2028x\u2029|\ufffd|\uffff|\U0010ffff""".split("|")

SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u200b", "\u2009", "\u202f", "\v", "\f"]

RANGES = [  # blocks to draw characters from
    (0x20, 0x7E), (0x00, 0x1F), (0x80, 0x24F), (0x250, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x10FF),
    (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x33FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
    (0xFB00, 0xFDFF), (0xFE00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F2FF), (0x1F300, 0x1FAFF), (0x20000, 0x2FA1F), (0x1000, 0x10FFFF),
]


def character(r, low, high):
    while True:
        c = r.randint(low, high)
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def words(r, line):
    parts = line.split(" ")
    start = r.randrange(len(parts))
    return r.choice([" ", " ", " ", "  ", "\n"]).join(parts[start : start + r.randint(1, 12)])


def case(r):
    kind = r.randrange(8)
    if kind <= 1:
        text = words(r, r.choice(PROSE))
    elif kind == 2:
        text = "\n".join(r.choice(CODE) for _ in range(r.randint(1, 3)))[: r.randint(1, 120)]
    elif kind == 3:
        text = "".join(r.choice(SPACES + [words(r, r.choice(PROSE))[:6], "▁"]) for _ in range(r.randint(0, 12)))
    elif kind == 4:
        low, high = r.choice(RANGES)
        text = "".join(character(r, low, high) for _ in range(r.randint(1, 20)))
    elif kind == 5:
        text = "".join(character(r, *r.choice(RANGES)) for _ in range(r.randint(1, 12)))
    elif kind == 6:
        marks = ["\u0301", "\u0308", "\u0327", "\u0300\u0301", "\u20e3", "\ufe0f", "\u093c"]
        text = "".join(c + (r.choice(marks) if r.random() < 0.3 else "") for c in words(r, r.choice(PROSE)))
    else:
        text = r.choice(["", " ", "x", words(r, r.choice(PROSE))]) + r.choice(ODD) * r.choice([1, 1, 1, 2, 30]) + r.choice(["", " ", "\n", "a"])
    data = bytearray(text.encode())
    if data and r.random() < 0.1:
        for _ in range(r.randint(1, 3)):
            data[r.randrange(len(data))] = r.randrange(256)
    if data and r.random() < 0.03:
        data = data[: r.randrange(len(data))]
    return bytes(data)


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--cases", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=here.parent / "corpus/sentencepiece/testdata/t5_ids.json")
    args = parser.parse_args()

    processor = sentencepiece.SentencePieceProcessor(model_file=args.model)
    r = random.Random(args.seed)
    texts = dict.fromkeys(case(r) for _ in range(args.cases))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, "w") as out:
        out.write('{"sentencepiece": %s,\n"model_sha256": %s,\n"cases": [\n' % (
            json.dumps(sentencepiece.__version__),
            json.dumps(hashlib.sha256(pathlib.Path(args.model).read_bytes()).hexdigest()),
        ))
        rows = (json.dumps([base64.b64encode(t).decode(), processor.encode(t)], separators=(",", ":")) for t in texts)
        out.write(",\n".join(rows) + "\n]}\n")


if __name__ == "__main__":
    main()
