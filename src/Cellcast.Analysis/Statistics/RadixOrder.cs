using System.Buffers;
using System.Runtime.CompilerServices;

namespace Cellcast.Analysis.Statistics;

/// <summary>Sorts single-precision numbers with their positions by their bits, eleven at a time: a few times faster than comparing once there are hundreds.</summary>
internal static class RadixOrder
{
    private const int Bits = 11, Buckets = 1 << Bits, Passes = 3;

    /// <summary>Sorts in place, ascending; equal values in order of position. -0 counts as 0. Without NaN.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="order">Receives where each came from.</param>
    [SkipLocalsInit]
    public static void Sort(Span<float> values, Span<int> order)
    {
        int n = values.Length;
        ulong[] rented = ArrayPool<ulong>.Shared.Rent(2 * n);
        try
        {
            // Key in the upper half, position in the lower.
            Span<ulong> from = rented.AsSpan(0, n), to = rented.AsSpan(n, n);
            Span<int> counts = stackalloc int[Passes * Buckets];
            counts.Clear();
            for (int i = 0; i < n; i++)
            {
                uint bits = BitConverter.SingleToUInt32Bits(values[i] + 0f); // turns -0 into 0
                uint key = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
                for (int p = 0; p < Passes; p++) counts[p * Buckets + (int)((key >> (p * Bits)) & (Buckets - 1))]++;
                from[i] = ((ulong)key << 32) | (uint)i;
            }
            for (int p = 0; p < Passes; p++)
            {
                Span<int> next = counts.Slice(p * Buckets, Buckets);
                int shift = 32 + p * Bits, sum = 0;
                if (next[(int)((from[0] >> shift) & (Buckets - 1))] == n) continue; // all alike in these bits
                for (int b = 0; b < Buckets; b++)
                {
                    int count = next[b];
                    next[b] = sum;
                    sum += count;
                }
                for (int i = 0; i < n; i++) to[next[(int)((from[i] >> shift) & (Buckets - 1))]++] = from[i];
                Span<ulong> swap = from;
                from = to;
                to = swap;
            }
            for (int i = 0; i < n; i++)
            {
                uint key = (uint)(from[i] >> 32);
                values[i] = BitConverter.UInt32BitsToSingle((key & 0x8000_0000) != 0 ? key & 0x7FFF_FFFF : ~key);
                order[i] = (int)(uint)from[i];
            }
        }
        finally { ArrayPool<ulong>.Shared.Return(rented); }
    }
}
