using System.Globalization;
using System.Text;

namespace MlsConsole.Lexicon.Generator;

/// <summary>Parses a JSON document into plain objects: string, double, bool, null, list and dictionary.</summary>
/// <remarks>System.Text.Json is not used, because a source generator cannot bring an assembly along.</remarks>
internal sealed class Json
{
    private readonly string _text;
    private int _at;

    private Json(string text) => _text = text;

    public static Dictionary<string, object?> ParseObject(string text)
    {
        var parser = new Json(text);
        object? value = parser.Value();
        parser.Space();
        if (parser._at != text.Length)
            throw parser.Error("something follows the document");
        return value as Dictionary<string, object?> ?? throw parser.Error("the document is no object");
    }

    private object? Value()
    {
        Space();
        if (_at == _text.Length)
            throw Error("the document ends too early");
        switch (_text[_at])
        {
            case '{':
                return Object();
            case '[':
                return List();
            case '"':
                return String();
            case 't':
                return Word("true", true);
            case 'f':
                return Word("false", false);
            case 'n':
                return Word("null", null);
            default:
                return Number();
        }
    }

    private Dictionary<string, object?> Object()
    {
        var result = new Dictionary<string, object?>(StringComparer.Ordinal);
        _at++;
        for (Space(); !Take('}'); Space())
        {
            if (result.Count > 0)
                Expect(',');
            Space();
            string name = String();
            Space();
            Expect(':');
            if (result.ContainsKey(name))
                throw Error($"'{name}' stands twice");
            result.Add(name, Value());
        }
        return result;
    }

    private List<object?> List()
    {
        var result = new List<object?>();
        _at++;
        for (Space(); !Take(']'); Space())
        {
            if (result.Count > 0)
                Expect(',');
            result.Add(Value());
        }
        return result;
    }

    private string String()
    {
        Expect('"');
        var result = new StringBuilder();
        while (true)
        {
            if (_at == _text.Length)
                throw Error("a string does not end");
            char c = _text[_at++];
            if (c == '"')
                return result.ToString();
            if (c != '\\')
            {
                result.Append(c);
                continue;
            }
            if (_at == _text.Length)
                throw Error("a string does not end");
            char escape = _text[_at++];
            switch (escape)
            {
                case 'b':
                    result.Append('\b');
                    break;
                case 'f':
                    result.Append('\f');
                    break;
                case 'n':
                    result.Append('\n');
                    break;
                case 'r':
                    result.Append('\r');
                    break;
                case 't':
                    result.Append('\t');
                    break;
                case 'u':
                    result.Append(HexEscape());
                    break;
                default:
                    result.Append(escape);
                    break;
            }
        }
    }

    /// <summary>The character of an escape \u and four hexadecimal digits, whose digits come next.</summary>
    private char HexEscape()
    {
        if (
            _at + 4 > _text.Length
            || !ushort.TryParse(
                _text.Substring(_at, 4),
                NumberStyles.HexNumber,
                CultureInfo.InvariantCulture,
                out ushort code
            )
        )
            throw Error("a \\u escape is malformed");
        _at += 4;
        return (char)code;
    }

    private double Number()
    {
        int start = _at;
        while (_at < _text.Length && "+-.eE0123456789".IndexOf(_text[_at]) >= 0)
            _at++;
        return double.TryParse(
            _text.Substring(start, _at - start),
            NumberStyles.Float,
            CultureInfo.InvariantCulture,
            out double number
        )
            ? number
            : throw Error("a value is malformed");
    }

    private object? Word(string word, object? value)
    {
        if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0)
            throw Error("a value is malformed");
        _at += word.Length;
        return value;
    }

    private void Space()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }

    private bool Take(char c)
    {
        if (_at == _text.Length || _text[_at] != c)
            return false;
        _at++;
        return true;
    }

    private void Expect(char c)
    {
        if (!Take(c))
            throw Error($"'{c}' is missing");
    }

    private LexiconError Error(string what) =>
        new LexiconError(Diagnostics.MalformedJson, $"{what} (at character {_at})");
}
