using System.Globalization;

namespace Cellcast.AnnData.Tables;

/// <summary>Numbers in UTF-8 text, always with a decimal point whatever the machine's language.</summary>
internal static class Utf8Number
{
    private static readonly double[] s_powers = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

    /// <summary>Parses a number; surrounding blanks are ignored, missing values (<c>NA</c>, empty …) are not numbers.</summary>
    /// <param name="text">UTF-8 text.</param>
    /// <param name="value">The number, correctly rounded.</param>
    /// <param name="decimals">Digits after the decimal point as written (0 with an exponent).</param>
    internal static bool TryParse(ReadOnlySpan<byte> text, out double value, out int decimals)
    {
        text = text.Trim(" \r"u8);
        decimals = 0;
        // Up to 15 digits, with a point or without: exact in a double, and one division of exact numbers rounds correctly.
        if (text.Length is > 0 and <= 16)
        {
            long digits = 0;
            int count = 0, point = -1, i = text[0] == (byte)'-' ? 1 : 0;
            int first = i;
            for (; i < text.Length; i++)
            {
                uint d = (uint)(text[i] - '0');
                if (d <= 9)
                {
                    digits = digits * 10 + d;
                    count++;
                }
                else if (text[i] == (byte)'.' && point < 0) point = i;
                else break;
            }
            if (i == text.Length && count is > 0 and <= 15)
            {
                decimals = point < 0 ? 0 : text.Length - point - 1;
                value = decimals == 0 ? digits : digits / s_powers[decimals];
                if (first == 1) value = -value;
                return true;
            }
        }
        return TryParseSlow(text, out value, out decimals);
    }

    private static bool TryParseSlow(ReadOnlySpan<byte> text, out double value, out int decimals)
    {
        decimals = 0;
        if (text.IsEmpty)
        {
            value = 0;
            return false;
        }
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        byte last = text[^1];
        // "inf" and "Infinity" in any case; "nan" is a missing value and handled by the caller.
        if (last is (byte)'f' or (byte)'F' or (byte)'y' or (byte)'Y') return TryParseInfinity(text, out value);
        if (!(last is >= (byte)'0' and <= (byte)'9' or (byte)'.') || !double.TryParse(text, style, CultureInfo.InvariantCulture, out value))
        {
            value = 0;
            return false;
        }
        int point = text.IndexOf((byte)'.');
        if (point >= 0 && text.IndexOfAny((byte)'e', (byte)'E') < 0) decimals = text.Length - point - 1;
        return true;
    }

    private static bool TryParseInfinity(ReadOnlySpan<byte> text, out double value)
    {
        bool negative = text[0] == (byte)'-';
        if (text[0] is (byte)'-' or (byte)'+') text = text[1..];
        Span<byte> lower = stackalloc byte[8];
        if (text.Length is 3 or 8)
        {
            for (int i = 0; i < text.Length; i++) lower[i] = (byte)(text[i] | 0x20);
            lower = lower[..text.Length];
            if (lower.SequenceEqual("inf"u8) || lower.SequenceEqual("infinity"u8))
            {
                value = negative ? double.NegativeInfinity : double.PositiveInfinity;
                return true;
            }
        }
        value = 0;
        return false;
    }

    /// <summary>Whether a field is a number written with a decimal comma, which is not read but deserves its own words.</summary>
    internal static bool HasDecimalComma(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \r"u8);
        if (text.Length > 0 && text[0] is (byte)'-' or (byte)'+') text = text[1..];
        int comma = text.IndexOf((byte)',');
        return comma > 0 && comma < text.Length - 1 && text[..comma].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0
            && text[(comma + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;
    }

    /// <summary>Whether a field stands for a missing value: empty, NA, N/A, NaN, null, none, or GDC's <c>'--</c>.</summary>
    internal static bool IsMissing(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \r"u8);
        return text.Length <= MissingValue.Longest && MissingValue.Is(System.Text.Encoding.UTF8.GetString(text));
    }
}
