"""What the three lecturers say, sentence by sentence; all text is our own."""

from app.demo.clips.narration import Line

WELCOME = (
    Line(
        "Welcome. This course is made of short lessons, and you set the pace.",
        "እንኳን ደህና መጡ። ይህ ኮርስ በአጫጭር ትምህርቶች የተዘጋጀ ነው፤ ፍጥነቱን የሚወስኑት እርስዎ ነዎት።",
        0.7,
    ),
    Line(
        "Three habits make the difference between watching and learning.",
        "ማየትን ከመማር የሚለዩ ሦስት ልምዶች አሉ።",
    ),
    Line("Watch, try, and explain.", "ይመልከቱ፣ ይሞክሩ፣ ያስረዱ።", 1.0),
    Line(
        "First, watch with a question. Before you press play, "
        "write down what you want to be able to do.",
        "አንደኛ፦ ጥያቄ ይዘው ይመልከቱ። ከመጀመርዎ በፊት ምን መሥራት መቻል እንደሚፈልጉ ይጻፉ።",
    ),
    Line(
        "Pause when something surprises you. A pause is where the thinking happens.",
        "የሚያስገርም ነገር ሲያጋጥምዎ ቪዲዮውን ያቁሙ። ማሰብ የሚጀምረው እዚያ ነው።",
        0.8,
    ),
    Line(
        "Second, try it before it feels comfortable.",
        "ሁለተኛ፦ ገና ሳይመችዎ ይሞክሩት።",
    ),
    Line(
        "Close the lesson, and do the smallest version of the task on your own.",
        "ትምህርቱን ዘግተው የሥራውን ትንሹን ክፍል በራስዎ ይሥሩ።",
        0.8,
    ),
    Line(
        "Here is why. After one viewing, memory fades quickly.",
        "ምክንያቱ ይህ ነው። አንድ ጊዜ ብቻ ያዩት ነገር ቶሎ ይረሳል።",
    ),
    Line(
        "A short return the next day lifts it again, and every return makes it last longer.",
        "በማግስቱ አጭር ክለሳ ሲያደርጉ ይታወሳል፤ በተከለሰ ቁጥርም ረዘም ላለ ጊዜ ይቆያል።",
        0.8,
    ),
    Line(
        "Third, explain it to someone. Two plain sentences are enough.",
        "ሦስተኛ፦ ለሌላ ሰው ያስረዱ። ሁለት ቀላል ዓረፍተ ነገሮች ይበቃሉ።",
    ),
    Line(
        "Where your sentence gets stuck, you have found what to look at next.",
        "ዓረፍተ ነገርዎ የተቋረጠበት ቦታ ቀጥሎ ሊያዩት የሚገባዎትን ያሳያል።",
        0.8,
    ),
    Line(
        "Watch, try, explain. Twenty minutes, three habits, every lesson.",
        "ይመልከቱ፣ ይሞክሩ፣ ያስረዱ። ሃያ ደቂቃ፣ ሦስት ልምዶች፣ በእያንዳንዱ ትምህርት።",
    ),
    Line(
        "Your place is saved, so stop whenever you like. See you in the next lesson.",
        "ያቆሙበት ቦታ ይቀመጣል፤ በፈለጉ ጊዜ ማቆም ይችላሉ። በሚቀጥለው ትምህርት እንገናኝ።",
    ),
)

FUNCTIONS = (
    Line("Let us turn a calculation into a function, one small step at a time.", None, 0.6),
    Line("Here is the starting point. A price, a quantity, and a little tax.", None, 0.6),
    Line("It works. It prints six hundred and twenty-one.", None, 0.6),
    Line("But the next order means copying the line, and copies drift apart.", None, 0.8),
    Line("So give the calculation a name. Total, with a price and a quantity.", None, 1.0),
    Line("It returns the answer instead of printing it, so the caller decides.", None, 1.0),
    Line("The tax rate is a fact of its own, so it gets a name too.", None, 1.0),
    Line("Now, what should happen with zero items?", None, 0.6),
    Line("A good function refuses early, and says what was wrong.", None, 1.4),
    Line("Then we write down what we expect. A good order, and a bad one.", None, 2.4),
    Line("Run the tests. Two passed.", None, 0.8),
    Line("One name, one job, one refusal. That is a function you can trust.", None, 0.6),
)

COFFEE_STALL = (
    Line(
        "This is one month of a small coffee stall, drawn on one page.",
        "ይህ የአንዲት ትንሽ ቡና መሸጫ የአንድ ወር ሒሳብ ነው፤ በአንድ ገጽ ላይ ተስሏል።",
        0.8,
    ),
    Line("Every week, some money comes in.", "በየሳምንቱ ገንዘብ ይገባል።", 0.5),
    Line(
        "Five thousand birr in the first week, then eight, then seven, then twelve.",
        "በመጀመሪያው ሳምንት አምስት ሺህ ብር፣ ከዚያ ስምንት፣ ከዚያ ሰባት፣ ከዚያም አሥራ ሁለት ሺህ።",
        0.8,
    ),
    Line("Add them up. Thirty-two thousand birr came in.", "ሲደመር ሠላሳ ሁለት ሺህ ብር ገብቷል።", 0.9),
    Line("Now, the money that goes out.", "አሁን ደግሞ የሚወጣው ገንዘብ።", 0.5),
    Line(
        "Coffee and milk cost twelve thousand, rent is eight, and wages are seven.",
        "ለቡናና ለወተት አሥራ ሁለት ሺህ፣ ለኪራይ ስምንት ሺህ፣ ለደመወዝ ሰባት ሺህ።",
        0.7,
    ),
    Line("That makes twenty-seven thousand.", "በድምሩ ሃያ ሰባት ሺህ ብር ይወጣል።", 0.8),
    Line("What is left is the difference. Five thousand birr.", "የቀረው ልዩነቱ ነው፦ አምስት ሺህ ብር።", 1.0),
    Line("And here is the part that most people miss.", "ብዙ ሰው የሚያልፈው ነገር ግን ይህ ነው።", 0.4),
    Line(
        "Divide the costs by four weeks, and draw that as a line across the bars.",
        "ወጪውን ለአራት ሳምንታት አካፍለው በአምዶቹ ላይ መስመር ያስምሩ።",
        0.8,
    ),
    Line(
        "The first week stays below the line. That week, the stall lost money.",
        "የመጀመሪያው ሳምንት ከመስመሩ በታች ነው። በዚያ ሳምንት መሸጫዋ ከስራለች።",
        0.8,
    ),
    Line("A good month can hide a bad week.", "ጥሩ ወር መጥፎ ሳምንትን ሊሸፍን ይችላል።", 0.9),
    Line(
        "So look at three things. Money in, money out, and what is left.",
        "ስለዚህ ሦስት ነገሮችን ይመልከቱ፦ የገባ፣ የወጣ እና የቀረ።",
        0.6,
    ),
    Line("Every week, on one page.", "በየሳምንቱ፣ በአንድ ገጽ።", 0.6),
)
