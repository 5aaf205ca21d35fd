using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cellcast.Analysis.Baselines;

/// <summary>Sums of sparse rows times a narrow dense matrix, whose rows (one number per class) are filled up to whole vectors. Lanes are added element by element, in an order that depends on
/// neither the machine's vector width nor the number of threads.</summary>
internal static class ClassProducts
{
    private const int Lanes = 8;

    /// <summary>Numbers that a row takes for so many classes.</summary>
    public static int Stride(int classes) => (classes + Lanes - 1) / Lanes * Lanes;

    /// <summary>sum = the rows named by index, each times its value.</summary>
    /// <param name="index">Rows.</param>
    /// <param name="value">Factor of each.</param>
    /// <param name="rows">The dense matrix, rows of the length of <paramref name="sum"/>.</param>
    /// <param name="sum">A multiple of eight numbers, replaced.</param>
    public static void Sum(ReadOnlySpan<int> index, ReadOnlySpan<float> value, ReadOnlySpan<double> rows, Span<double> sum)
    {
        int stride = sum.Length, first = 0;
        foreach (int i in index)
            if ((uint)i >= (uint)(rows.Length / stride)) throw new ArgumentOutOfRangeException(nameof(index), i, "there is no such row");
        ref double from = ref MemoryMarshal.GetReference(rows), to = ref MemoryMarshal.GetReference(sum);
        for (; first + 2 * Lanes <= stride; first += 2 * Lanes) Two(index, value, ref Unsafe.Add(ref from, first), stride, ref Unsafe.Add(ref to, first));
        if (first < stride) One(index, value, ref Unsafe.Add(ref from, first), stride, ref Unsafe.Add(ref to, first));
    }

    // Even and odd places are summed apart, so that no addition waits for the one before.
    private static void One(ReadOnlySpan<int> index, ReadOnlySpan<float> value, ref double rows, int stride, ref double sum)
    {
        Vector512<double> even = default, odd = default;
        int e = 0;
        for (; e + 2 <= index.Length; e += 2)
        {
            even += Vector512.Create((double)value[e]) * Vector512.LoadUnsafe(ref rows, (nuint)index[e] * (nuint)stride);
            odd += Vector512.Create((double)value[e + 1]) * Vector512.LoadUnsafe(ref rows, (nuint)index[e + 1] * (nuint)stride);
        }
        if (e < index.Length) even += Vector512.Create((double)value[e]) * Vector512.LoadUnsafe(ref rows, (nuint)index[e] * (nuint)stride);
        (even + odd).StoreUnsafe(ref sum);
    }

    private static void Two(ReadOnlySpan<int> index, ReadOnlySpan<float> value, ref double rows, int stride, ref double sum)
    {
        Vector512<double> even0 = default, even1 = default, odd0 = default, odd1 = default;
        int e = 0;
        for (; e + 2 <= index.Length; e += 2)
        {
            nuint a = (nuint)index[e] * (nuint)stride, b = (nuint)index[e + 1] * (nuint)stride;
            Vector512<double> v = Vector512.Create((double)value[e]), w = Vector512.Create((double)value[e + 1]);
            even0 += v * Vector512.LoadUnsafe(ref rows, a);
            even1 += v * Vector512.LoadUnsafe(ref rows, a + Lanes);
            odd0 += w * Vector512.LoadUnsafe(ref rows, b);
            odd1 += w * Vector512.LoadUnsafe(ref rows, b + Lanes);
        }
        if (e < index.Length)
        {
            nuint a = (nuint)index[e] * (nuint)stride;
            Vector512<double> v = Vector512.Create((double)value[e]);
            even0 += v * Vector512.LoadUnsafe(ref rows, a);
            even1 += v * Vector512.LoadUnsafe(ref rows, a + Lanes);
        }
        (even0 + odd0).StoreUnsafe(ref sum);
        (even1 + odd1).StoreUnsafe(ref sum, Lanes);
    }
}
