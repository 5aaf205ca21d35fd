using System.Globalization;

namespace Cellcast.Cli.Hosting;

/// <summary>Amounts of memory as people write them.</summary>
internal static class MemorySize
{
    /// <summary>Reads <c>8G</c>, <c>500M</c>, <c>2.5GB</c>: powers of 1024.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    internal static long Parse(string text)
    {
        string number = text.Trim().TrimEnd('b', 'B').TrimEnd('i');
        long unit = number.Length == 0 ? 0 : char.ToUpperInvariant(number[^1]) switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, 'T' => 1L << 40, _ => 0 };
        if (unit > 0 && double.TryParse(number[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out double n) && n >= 0 && n * unit < long.MaxValue) return (long)(n * unit);
        throw new UsageException($"--memory takes a size such as 8G or 500M, not '{text}'.");
    }
}
