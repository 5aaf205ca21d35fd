using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Kernels;

/// <summary>Random words that decide which numbers dropout keeps: those whose upper 24 bits are not below the probability's.</summary>
internal static unsafe class KeepWords
{
    /// <summary>Sequences of random words are read from multiples of this on.</summary>
    public const int Alignment = Philox.GroupWords;

    /// <summary>Rounds up to a whole group of words.</summary>
    public static int Align(int n) => (n + Alignment - 1) / Alignment * Alignment;

    /// <summary>Words <paramref name="start"/>, start + 1, ... of a sequence.</summary>
    /// <param name="key">Names the sequence.</param>
    /// <param name="start">A multiple of <see cref="Alignment"/>.</param>
    /// <param name="count">A multiple of <see cref="Alignment"/>.</param>
    /// <param name="words">Filled.</param>
    public static void Fill(in RandomKey key, long start, int count, float* words) =>
        Philox.Fill(key, (ulong)start / Philox.GroupWords, new Span<uint>(words, count));

    /// <summary>y = x / (1 - probability) where the word keeps it, 0 elsewhere. In place is allowed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply<T>(float* x, float* y, int n, float* words, in DropoutNoise noise) where T : struct, IVec<T>
    {
        float threshold = noise.Threshold >> 8, scale = noise.Scale;
        T limit = T.Create(threshold), factor = T.Create(scale), low = T.CreateBits(0x00FFFFFF);
        int i = 0;
        for (; i <= n - T.Count; i += T.Count)
        {
            T number = T.FromInt(T.ShiftRightArithmetic(T.Load(words + i), 8) & low);
            T.Store(y + i, T.LessOrEqual(limit, number) & (T.Load(x + i) * factor));
        }
        for (; i < n; i++) y[i] = ((uint*)words)[i] >> 8 >= noise.Threshold >> 8 ? x[i] * scale : 0;
    }

    /// <summary>Dropout of rows whose place in the sequence of random words is given: number c of row r is decided by word place[r] columns + c. The gradient is the same
    /// function of the gradient.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns; fewer words than columns are wasted where this is a multiple of <see cref="Alignment"/>.</param>
    /// <param name="places">One per row, or null for 0, 1, ....</param>
    /// <param name="noise">How much, and by which words.</param>
    /// <param name="y">rows x columns; may be x unless accumulating.</param>
    /// <param name="accumulate">Add to y.</param>
    /// <param name="first">Place of the first row where none are given.</param>
    public static void Rows(Workers workers, float* x, int rows, int columns, int* places, in DropoutNoise noise, float* y, bool accumulate, int first = 0) =>
        workers.ForVectors((rows + RowsPerBlock - 1) / RowsPerBlock,
            new RowWork { X = x, Y = y, Rows = rows, Columns = columns, Places = places, Noise = noise, Accumulate = accumulate, First = first });

    private const int RowsPerBlock = 32;

    private struct RowWork : IVectorKernel
    {
        public float* X, Y;
        public int Rows, Columns, First;
        public int* Places;
        public DropoutNoise Noise;
        public bool Accumulate;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int words = Align(Columns);
            using var keep = Scratch.Rent(words);
            using var sum = Scratch.Rent(Columns);
            int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
            for (int r = block * RowsPerBlock; r < end; r++)
            {
                Fill(Noise.Key, (long)(Places == null ? First + r : Places[r]) * words, words, keep.Pointer);
                nint at = (nint)r * Columns;
                if (!Accumulate) Apply<T>(X + at, Y + at, Columns, keep.Pointer, Noise);
                else
                {
                    Apply<T>(X + at, sum.Pointer, Columns, keep.Pointer, Noise);
                    RowMath.Axpy<T>(1, sum.Pointer, Y + at, Columns);
                }
            }
        }
    }
}
