using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cellcast.Tensors.Random;

/// <summary>Philox4x32 with ten rounds: a function from a 128-bit counter and a 64-bit key to 128 random bits (Salmon, Moraes, Dror and Shaw,
/// "Parallel random numbers: as easy as 1, 2, 3", 2011). No state, so any number can be drawn in any order on any thread.</summary>
public static class Philox
{
    /// <summary>Words are produced in groups of this many: sixteen counters, their first words, then their second words, and so on.</summary>
    internal const int GroupWords = 64;

    private const int Lanes = 16;
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>Encrypts one counter.</summary>
    /// <param name="c0">Counter, lowest word.</param>
    /// <param name="c1">Counter, second word.</param>
    /// <param name="c2">Counter, third word.</param>
    /// <param name="c3">Counter, highest word.</param>
    /// <param name="k0">Key, low word.</param>
    /// <param name="k1">Key, high word.</param>
    /// <returns>Four random words.</returns>
    public static (uint, uint, uint, uint) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0, p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>One word of a group-ordered sequence; the same that <see cref="Fill"/> gives.</summary>
    internal static uint Word(in RandomKey key, ulong index)
    {
        ulong counter = index / GroupWords * Lanes + index % Lanes;
        var (k0, k1, c2, c3) = key.Words;
        var (a, b, c, d) = Block((uint)counter, (uint)(counter >> 32), c2, c3, k0, k1);
        return (index % GroupWords / Lanes) switch { 0 => a, 1 => b, 2 => c, _ => d };
    }

    /// <summary>Consecutive groups of words.</summary>
    /// <param name="key">Names the sequence.</param>
    /// <param name="firstGroup">Number of the first group.</param>
    /// <param name="words">Filled; whole groups.</param>
    internal static void Fill(in RandomKey key, ulong firstGroup, Span<uint> words)
    {
        for (int g = 0; g < words.Length; g += GroupWords)
        {
            ulong counter = (firstGroup + (ulong)(g / GroupWords)) * Lanes;
            var group = words.Slice(g, GroupWords);
            if (Avx512F.IsSupported) Group512(key, counter, group);
            else if (Avx2.IsSupported)
            {
                Group256(key, counter, group);
                Group256(key, counter + 8, group[8..]);
            }
            else GroupScalar(key, counter, group);
        }
    }

    private static void GroupScalar(in RandomKey key, ulong counter, Span<uint> words)
    {
        var (k0, k1, c2, c3) = key.Words;
        for (int lane = 0; lane < Lanes; lane++)
        {
            ulong n = counter + (ulong)lane;
            (words[lane], words[lane + Lanes], words[lane + 2 * Lanes], words[lane + 3 * Lanes]) = Block((uint)n, (uint)(n >> 32), c2, c3, k0, k1);
        }
    }

    // The sixteen counters of a group differ in their low word only and do not carry, because the first is a multiple of sixteen.
    private static void Group512(in RandomKey key, ulong counter, Span<uint> words)
    {
        var (k0, k1, s2, s3) = key.Words;
        var c0 = Vector512.Create((uint)counter) + Vector512<uint>.Indices;
        var c1 = Vector512.Create((uint)(counter >> 32));
        Vector512<uint> c2 = Vector512.Create(s2), c3 = Vector512.Create(s3), m0 = Vector512.Create(Multiplier0), m1 = Vector512.Create(Multiplier1);
        for (int round = 0; round < Rounds; round++)
        {
            var high0 = High(c0, m0);
            var high1 = High(c2, m1);
            (c0, c1, c2, c3) = (high1 ^ c1 ^ Vector512.Create(k0), c2 * m1, high0 ^ c3 ^ Vector512.Create(k1), c0 * m0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        c0.CopyTo(words);
        c1.CopyTo(words[Lanes..]);
        c2.CopyTo(words[(2 * Lanes)..]);
        c3.CopyTo(words[(3 * Lanes)..]);

        static Vector512<uint> High(Vector512<uint> x, Vector512<uint> m)
        {
            var even = Avx512F.Multiply(x, m) >>> 32;
            var odd = Avx512F.Multiply((x.AsUInt64() >>> 32).AsUInt32(), m) & Vector512.Create(0xFFFF_FFFF_0000_0000);
            return (even | odd).AsUInt32();
        }
    }

    private static void Group256(in RandomKey key, ulong counter, Span<uint> words)
    {
        var (k0, k1, s2, s3) = key.Words;
        var c0 = Vector256.Create((uint)counter) + Vector256<uint>.Indices;
        var c1 = Vector256.Create((uint)(counter >> 32));
        Vector256<uint> c2 = Vector256.Create(s2), c3 = Vector256.Create(s3), m0 = Vector256.Create(Multiplier0), m1 = Vector256.Create(Multiplier1);
        for (int round = 0; round < Rounds; round++)
        {
            var high0 = High(c0, m0);
            var high1 = High(c2, m1);
            (c0, c1, c2, c3) = (high1 ^ c1 ^ Vector256.Create(k0), c2 * m1, high0 ^ c3 ^ Vector256.Create(k1), c0 * m0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        c0.CopyTo(words);
        c1.CopyTo(words[Lanes..]);
        c2.CopyTo(words[(2 * Lanes)..]);
        c3.CopyTo(words[(3 * Lanes)..]);

        static Vector256<uint> High(Vector256<uint> x, Vector256<uint> m)
        {
            var even = Avx2.Multiply(x, m) >>> 32;
            var odd = Avx2.Multiply((x.AsUInt64() >>> 32).AsUInt32(), m) & Vector256.Create(0xFFFF_FFFF_0000_0000);
            return (even | odd).AsUInt32();
        }
    }
}
