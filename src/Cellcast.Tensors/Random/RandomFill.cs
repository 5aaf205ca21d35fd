using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Random;

/// <summary>Fills memory with random numbers. Number i depends on the key and i only: neither on the number of threads nor on the vector width.</summary>
public static class RandomFill
{
    private const int ChunkWords = 16 * Philox.GroupWords;
    private const int ChunksPerBlock = 32;

    /// <summary>Uniform on [low, high), with 24 random bits; high itself can appear by rounding only.</summary>
    /// <param name="key">Names the numbers.</param>
    /// <param name="values">Filled.</param>
    /// <param name="low">Smallest value.</param>
    /// <param name="high">Bound above.</param>
    /// <param name="workers">Threads; null for the calling thread alone.</param>
    public static void Uniform(RandomKey key, Span<float> values, float low = 0, float high = 1, Workers? workers = null) =>
        Run(workers, key, [], values, new ToUniform(low, (high - low) * (1f / (1 << 24))));

    /// <summary>Standard normal, by the method of Box and Muller. From 32 random bits per number, so never beyond 6.7; the transformation of the
    /// uniform numbers, as float32 holds them, is accurate to 1e-6 relative to the length of the pair.</summary>
    /// <param name="key">Names the numbers.</param>
    /// <param name="values">Filled.</param>
    /// <param name="workers">Threads; null for the calling thread alone.</param>
    public static void Normal(RandomKey key, Span<float> values, Workers? workers = null) => Run(workers, key, [], values, default(ToNormal));

    /// <summary>y = x / (1 - probability) where the generator keeps it, 0 elsewhere; or y += that. The choice at position i depends on the key and i only.</summary>
    /// <param name="workers">Threads; null for the calling thread alone.</param>
    /// <param name="key">Names the choice.</param>
    /// <param name="probability">To be dropped, below 1.</param>
    /// <param name="x">What to drop from.</param>
    /// <param name="y">As long as x; may be x.</param>
    /// <param name="accumulate">Add to y.</param>
    public static void Dropout(Workers? workers, RandomKey key, float probability, ReadOnlySpan<float> x, Span<float> y, bool accumulate)
    {
        if (!(probability >= 0 && probability < 1)) throw new ArgumentOutOfRangeException(nameof(probability), probability, "a probability below 1 is needed");
        if (x.Length != y.Length) throw new ArgumentException($"{x.Length} numbers in, {y.Length} out", nameof(y));
        Run(workers, key, x, y, new ToDropout((uint)Math.Min(uint.MaxValue, probability * 4294967296.0), 1 / (1 - probability), accumulate));
    }

    private interface ITransform
    {
        /// <summary>Turns words into numbers; a chunk is complete, or the last one, whose values end early.</summary>
        void Apply(ReadOnlySpan<uint> words, ReadOnlySpan<float> x, Span<float> y);
    }

    private static unsafe void Run<T>(Workers? workers, RandomKey key, ReadOnlySpan<float> x, Span<float> y, T transform) where T : struct, ITransform
    {
        int chunks = (int)(((long)y.Length + ChunkWords - 1) / ChunkWords);
        fixed (float* px = x, py = y)
            (workers ?? Workers.Inline).For((chunks + ChunksPerBlock - 1) / ChunksPerBlock, new Work<T> { Key = key, X = px, Y = py, Length = y.Length, Chunks = chunks, Transform = transform });
    }

    private unsafe struct Work<T> : IBlockWork where T : struct, ITransform
    {
        internal RandomKey Key;
        internal float* X;
        internal float* Y;
        internal int Length, Chunks;
        internal T Transform;

        [SkipLocalsInit]
        public void Run(int block)
        {
            Span<uint> words = stackalloc uint[ChunkWords];
            int end = Math.Min(Chunks, (block + 1) * ChunksPerBlock);
            for (int chunk = block * ChunksPerBlock; chunk < end; chunk++)
            {
                long start = (long)chunk * ChunkWords;
                int count = (int)Math.Min(ChunkWords, Length - start);
                int whole = (count + Philox.GroupWords - 1) / Philox.GroupWords * Philox.GroupWords;
                Philox.Fill(Key, (ulong)start / Philox.GroupWords, words[..whole]);
                Transform.Apply(words[..whole], X is null ? default : new ReadOnlySpan<float>(X + start, count), new Span<float>(Y + start, count));
            }
        }
    }

    private readonly struct ToUniform(float low, float unit) : ITransform
    {
        public void Apply(ReadOnlySpan<uint> words, ReadOnlySpan<float> x, Span<float> y)
        {
            for (int i = 0; i < y.Length; i++) y[i] = low + unit * (int)(words[i] >> 8);
        }
    }

    private readonly struct ToDropout(uint threshold, float scale, bool accumulate) : ITransform
    {
        public void Apply(ReadOnlySpan<uint> words, ReadOnlySpan<float> x, Span<float> y)
        {
            int i = 0;
            for (; i <= y.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                var keep = Vector.GreaterThanOrEqual(new Vector<uint>(words[i..]), new Vector<uint>(threshold));
                var v = Vector.ConditionalSelect(Vector.AsVectorSingle(keep), new Vector<float>(x[i..]) * scale, Vector<float>.Zero);
                (accumulate ? new Vector<float>(y[i..]) + v : v).CopyTo(y[i..]);
            }
            for (; i < y.Length; i++)
            {
                float v = words[i] >= threshold ? x[i] * scale : 0;
                y[i] = accumulate ? y[i] + v : v;
            }
        }
    }

    private readonly struct ToNormal : ITransform
    {
        // A group of 64 words gives 64 normals: the first and second sixteen words are radius and angle of the first and second sixteen normals,
        // likewise the third and fourth.
        [SkipLocalsInit]
        public void Apply(ReadOnlySpan<uint> words, ReadOnlySpan<float> x, Span<float> y)
        {
            const int Half = Philox.GroupWords / 2, Quarter = Philox.GroupWords / 4;
            Span<float> rest = stackalloc float[Philox.GroupWords];
            for (int g = 0; g < words.Length; g += Philox.GroupWords)
            {
                bool whole = y.Length - g >= Philox.GroupWords;
                var target = whole ? y.Slice(g, Philox.GroupWords) : rest;
                for (int half = 0; half < Philox.GroupWords; half += Half)
                    for (int i = half; i < half + Quarter; i += Vector<float>.Count)
                    {
                        var (a, b) = BoxMuller(new Vector<uint>(words[(g + i)..]), new Vector<uint>(words[(g + i + Quarter)..]));
                        a.CopyTo(target[i..]);
                        b.CopyTo(target[(i + Quarter)..]);
                    }
                if (!whole) rest[..(y.Length - g)].CopyTo(y[g..]);
            }
        }

        // Additions and multiplications are never fused here, so that every machine gives the same bits.
        private static (Vector<float>, Vector<float>) BoxMuller(Vector<uint> radiusBits, Vector<uint> angleBits)
        {
            // u on (0, 1]: 31 bits, and 2^-32 in place of 0.
            var u = Vector.Max(Vector.ConvertToSingle(Vector.AsVectorInt32(radiusBits >> 1)), new Vector<float>(0.5f)) * (1f / 2147483648f);
            var radius = Vector.SquareRoot(Vector.Max(Log(u) * -2f, Vector<float>.Zero));

            // Two bits choose the quarter of the circle, thirty the place from -45 to 45 degrees around its middle axis.
            var quarter = Vector.AsVectorInt32(angleBits >> 30);
            var place = Vector.AsVectorInt32(angleBits & new Vector<uint>(0x3FFF_FFFF)) - new Vector<int>(1 << 29);
            var t = Vector.ConvertToSingle(place) * (MathF.PI / 2 / (1 << 30));
            var t2 = t * t;
            var sin = t * (Vector<float>.One + t2 * (new Vector<float>(-1f / 6) + t2 * (new Vector<float>(1f / 120) + t2 * (new Vector<float>(-1f / 5040) + t2 * (1f / 362880)))));
            var cos = Vector<float>.One + t2 * (new Vector<float>(-1f / 2) + t2 * (new Vector<float>(1f / 24) + t2 * (new Vector<float>(-1f / 720) + t2 * (new Vector<float>(1f / 40320) - t2 * (1f / 3628800)))));
            var odd = Vector.Equals(quarter & Vector<int>.One, Vector<int>.One);
            var a = Vector.ConditionalSelect(odd, sin, cos);
            var b = Vector.ConditionalSelect(odd, cos, sin);
            var negativeA = Vector.Equals((quarter + Vector<int>.One) & new Vector<int>(2), new Vector<int>(2));
            var negativeB = Vector.GreaterThan(quarter, Vector<int>.One);
            return (radius * Vector.ConditionalSelect(negativeA, -a, a), radius * Vector.ConditionalSelect(negativeB, -b, b));
        }

        /// <summary>Natural logarithm for positive normal numbers: exponent, and 2 artanh((m - 1) / (m + 1)) of a mantissa between 1/sqrt(2) and sqrt(2).</summary>
        private static Vector<float> Log(Vector<float> x)
        {
            var bits = Vector.AsVectorInt32(x);
            var exponent = (bits - new Vector<int>(0x3F35_04F3)) >> 23;
            var m = Vector.AsVectorSingle(bits - (exponent << 23));
            var s = (m - Vector<float>.One) / (m + Vector<float>.One);
            var s2 = s * s;
            var series = new Vector<float>(2f) + s2 * (new Vector<float>(2f / 3) + s2 * (new Vector<float>(2f / 5) + s2 * (new Vector<float>(2f / 7) + s2 * (2f / 9))));
            return Vector.ConvertToSingle(exponent) * 0.693147181f + s * series;
        }
    }
}
