using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Cellcast.Tensors.Io;

/// <summary>A callable that a pickle names; nothing is ever called, only recognised.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A tuple.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A dictionary, in the order of insertion.</summary>
internal sealed class PickleDictionary
{
    internal List<KeyValuePair<object?, object?>> Items { get; } = [];
}

/// <summary>Reads Python's pickle format for plain values: numbers, text, tuples, lists, dictionaries. Whatever asks for a callable is handed to a function that knows the few
/// permitted ones and refuses the rest; instructions that make objects in other ways are refused here.</summary>
/// <remarks>Work and memory are bounded by the number of bytes read.</remarks>
internal sealed class PickleReader
{
    private readonly Stream _stream;
    private readonly Func<PickleGlobal, object?> _global;
    private readonly Func<PickleGlobal, object?[], object?> _call;
    private readonly Func<object?, object?> _persistent;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];

    /// <param name="stream">Read from its present position to the end of one pickle.</param>
    /// <param name="global">Permits a callable, or throws.</param>
    /// <param name="call">Stands in for calling one.</param>
    /// <param name="persistent">Resolves a reference to something outside the pickle.</param>
    internal PickleReader(Stream stream, Func<PickleGlobal, object?> global, Func<PickleGlobal, object?[], object?> call, Func<object?, object?> persistent)
    {
        _stream = stream;
        _global = global;
        _call = call;
        _persistent = persistent;
    }

    /// <summary>Reads one value.</summary>
    /// <exception cref="InvalidDataException">The pickle is damaged or asks for what is not permitted.</exception>
    internal object? Read()
    {
        while (true)
        {
            int code = NextByte();
            switch (code)
            {
                case 0x80: // PROTO
                    int protocol = NextByte();
                    if (protocol > 5) throw new InvalidDataException($"pickle protocol {protocol} is not known");
                    break;
                case 0x95: Next(8); break; // FRAME: its length says nothing that matters here
                case '.': // STOP
                    object? result = Pop();
                    if (_stack.Count > 0 || _marks.Count > 0) throw new InvalidDataException("the pickle ends with values left over");
                    return result;
                case '(': _marks.Push(_stack.Count); break;
                case '0': // POP: also takes back a mark
                    if (_marks.TryPeek(out int mark) && mark == _stack.Count) _marks.Pop();
                    else Pop();
                    break;
                case '1': PopToMark(); break;
                case '2': Push(Peek()); break;
                default:
                    if (!TryValue(code) && !TryContainer(code) && !TryMemo(code) && !TryObject(code))
                        throw new InvalidDataException($"pickle instruction 0x{code:x2} ({Describe(code)}) is not permitted");
                    break;
            }
        }
    }

    private bool TryValue(int code)
    {
        switch (code)
        {
            case 'N': Push(null); return true;
            case 0x88: Push(true); return true;
            case 0x89: Push(false); return true;
            case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Next(4))); return true;
            case 'K': Push((long)NextByte()); return true;
            case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Next(2))); return true;
            case 'I': // INT: 00 and 01 are truth values
                string text = NextLine();
                if (text is "00" or "01") Push(text == "01");
                else PushInteger(ParseInteger(text));
                return true;
            case 'L': PushInteger(ParseInteger(NextLine().TrimEnd('L'))); return true;
            case 0x8A: PushInteger(new BigInteger(Next(NextByte()))); return true;
            case 0x8B: PushInteger(new BigInteger(Next(BinaryPrimitives.ReadInt32LittleEndian(Next(4))))); return true;
            case 'F': Push(double.TryParse(NextLine(), NumberStyles.Float, CultureInfo.InvariantCulture, out double d) ? d : throw new InvalidDataException("a number is malformed")); return true;
            case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Next(8))); return true;
            case 'X': Push(Utf8(Next(BinaryPrimitives.ReadUInt32LittleEndian(Next(4))))); return true;
            case 0x8C: Push(Utf8(Next(NextByte()))); return true;
            case 0x8D: Push(Utf8(Next(BinaryPrimitives.ReadUInt64LittleEndian(Next(8))))); return true;
            case 'U': Push(Encoding.Latin1.GetString(Next(NextByte()))); return true;
            case 'T': Push(Encoding.Latin1.GetString(Next(BinaryPrimitives.ReadInt32LittleEndian(Next(4))))); return true;
            case 'C': Push(Next(NextByte()).ToArray()); return true;
            case 'B': Push(Next(BinaryPrimitives.ReadUInt32LittleEndian(Next(4))).ToArray()); return true;
            case 0x8E: Push(Next(BinaryPrimitives.ReadUInt64LittleEndian(Next(8))).ToArray()); return true;
            default: return false;
        }
    }

    private bool TryContainer(int code)
    {
        switch (code)
        {
            case ')': Push(new PickleTuple([])); return true;
            case 't': Push(new PickleTuple(PopToMark())); return true;
            case 0x85 or 0x86 or 0x87: Push(new PickleTuple(Pop(code - 0x84))); return true;
            case ']': Push(new List<object?>()); return true;
            case 'l': Push(new List<object?>(PopToMark())); return true;
            case 'a':
                object? item = Pop();
                ListOf(Peek()).Add(item);
                return true;
            case 'e':
                object?[] items = PopToMark();
                ListOf(Peek()).AddRange(items);
                return true;
            case '}': Push(new PickleDictionary()); return true;
            case 'd':
                object?[] all = PopToMark();
                var dictionary = new PickleDictionary();
                AddPairs(dictionary, all);
                Push(dictionary);
                return true;
            case 's':
                object?[] pair = Pop(2);
                AddPairs(Peek(), pair);
                return true;
            case 'u':
                object?[] pairs = PopToMark();
                AddPairs(Peek(), pairs);
                return true;
            default: return false;
        }
    }

    private bool TryMemo(int code)
    {
        switch (code)
        {
            case 'p': _memo[ParseIndex(NextLine())] = Peek(); return true;
            case 'q': _memo[NextByte()] = Peek(); return true;
            case 'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Next(4))] = Peek(); return true;
            case 0x94: _memo[_memo.Count] = Peek(); return true;
            case 'g': Push(Recall(ParseIndex(NextLine()))); return true;
            case 'h': Push(Recall(NextByte())); return true;
            case 'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Next(4)))); return true;
            default: return false;
        }
    }

    private bool TryObject(int code)
    {
        switch (code)
        {
            case 'c': Push(_global(new PickleGlobal(NextLine(), NextLine()))); return true;
            case 0x93: // STACK_GLOBAL
                object?[] names = Pop(2);
                if (names is not [string module, string name]) throw new InvalidDataException("a callable is not named by text");
                Push(_global(new PickleGlobal(module, name)));
                return true;
            case 'R': // REDUCE
                object?[] call = Pop(2);
                if (call is not [PickleGlobal function, PickleTuple arguments]) throw new InvalidDataException("the pickle calls what is not callable");
                Push(_call(function, arguments.Items));
                return true;
            case 'b': // BUILD: attributes of a dictionary (PyTorch puts version numbers there) are of no use
                Pop();
                if (Peek() is not PickleDictionary) throw new InvalidDataException("the pickle sets attributes of something that is not a dictionary");
                return true;
            case 'P': Push(_persistent(NextLine())); return true;
            case 'Q': Push(_persistent(Pop())); return true;
            default: return false;
        }
    }

    private static string Describe(int code) => code switch
    {
        'i' => "INST",
        'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x82 or 0x83 or 0x84 => "EXT",
        0x8F or 0x90 or 0x91 => "set",
        0x96 or 0x97 or 0x98 => "buffer",
        _ => "unknown",
    };

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw new InvalidDataException("the pickle takes more values than there are");

    private object? Pop()
    {
        object? top = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] Pop(int count)
    {
        if (_stack.Count - Floor < count) throw new InvalidDataException("the pickle takes more values than there are");
        object?[] items = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private object?[] PopToMark()
    {
        if (_marks.Count == 0) throw new InvalidDataException("the pickle lacks a mark");
        object?[] items = Pop(_stack.Count - Floor);
        _marks.Pop();
        return items;
    }

    private int Floor => _marks.TryPeek(out int mark) ? mark : 0;

    private object? Recall(long index) => _memo.TryGetValue(index, out object? value) ? value : throw new InvalidDataException($"the pickle refers to value {index}, which it has not kept");

    private static List<object?> ListOf(object? target) => target as List<object?> ?? throw new InvalidDataException("the pickle appends to something that is not a list");

    private static void AddPairs(object? target, object?[] items)
    {
        if (target is not PickleDictionary dictionary) throw new InvalidDataException("the pickle sets items of something that is not a dictionary");
        if (items.Length % 2 != 0) throw new InvalidDataException("a dictionary has a key without a value");
        for (int i = 0; i < items.Length; i += 2) dictionary.Items.Add(new(items[i], items[i + 1]));
    }

    private static BigInteger ParseInteger(string text) =>
        // Parsing takes quadratic time, and nothing legitimate is long.
        text.Length <= 100 && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : throw new InvalidDataException("an integer is malformed");

    private static long ParseIndex(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? index : throw new InvalidDataException("an index is malformed");

    private void PushInteger(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue) Push((long)value);
        else Push(value);
    }

    private static string Utf8(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private int NextByte()
    {
        int b = _stream.ReadByte();
        return b >= 0 ? b : throw new InvalidDataException("the pickle is cut off");
    }

    private ReadOnlySpan<byte> Next(ulong count) => count <= int.MaxValue ? Next((int)count) : throw new InvalidDataException("the pickle is cut off");

    private ReadOnlySpan<byte> Next(int count)
    {
        if (count < 0 || count > _stream.Length - _stream.Position) throw new InvalidDataException("the pickle is cut off");
        byte[] bytes = new byte[count];
        _stream.ReadExactly(bytes);
        return bytes;
    }

    private string NextLine()
    {
        var line = new StringBuilder();
        for (int b = NextByte(); b != '\n'; b = NextByte()) line.Append((char)b);
        return line.ToString();
    }
}
