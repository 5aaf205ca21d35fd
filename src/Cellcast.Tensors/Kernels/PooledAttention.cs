using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Attention of one query per sequence and head to token rows n that are neither projected to keys nor to values: pooled[h] = sum_t p~[t, h] n[t] with
/// p = softmax_t(n[t] . r[h]) and p~ = dropout(p), and the sum of p~, which is not 1 under dropout.</summary>
internal static unsafe class PooledAttention
{
    internal struct Problem
    {
        public TokenView Tokens;
        public int Heads;

        /// <summary>Columns of n.</summary>
        public int Columns;

        /// <summary>tokens x columns.</summary>
        public float* N;

        /// <summary>sequences x (heads x columns), already scaled.</summary>
        public float* R;

        /// <summary>heads x tokens of each sequence, one sequence after the other: p before and p~ after dropout.</summary>
        public float* P, Kept;

        public DropoutNoise Dropout;

        /// <summary>Elements from row to row of the result: the pooled rows of all heads, then the sums of p~.</summary>
        public readonly int PooledColumns => Heads * Columns + Heads;
    }

    /// <summary>pooled, sequences x (heads x columns + heads).</summary>
    public static void Forward(Workers workers, Problem problem, float* pooled) =>
        workers.ForVectors(problem.Tokens.Sequences, new ForwardWork { Problem = problem, Pooled = pooled });

    /// <summary>Gradients with respect to n and r, added; either may be absent.</summary>
    public static void Backward(Workers workers, Problem problem, float* dpooled, float* dn, float* dr) =>
        workers.ForVectors(problem.Tokens.Sequences, new BackwardWork { Problem = problem, Dpooled = dpooled, Dn = dn, Dr = dr });

    private static Span<float> Span(float* p, int n) => new(p, n);

    private struct ForwardWork : IVectorKernel
    {
        public Problem Problem;
        public float* Pooled;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int start = Problem.Tokens.Offsets[block], length = Problem.Tokens.Offsets[block + 1] - start, columns = Problem.Columns, heads = Problem.Heads;
            float* n = Problem.N + (nint)start * columns, r = Problem.R + (nint)block * heads * columns;
            float* p = Problem.P + (nint)start * heads, kept = Problem.Kept + (nint)start * heads, pooled = Pooled + (nint)block * Problem.PooledColumns;
            Gemm.Multiply(Workers.Inline, false, true, heads, length, columns, Span(r, heads * columns), columns, Span(n, length * columns), columns, Span(p, heads * length), length);
            var noise = Problem.Dropout.For(block);
            int words = KeepWords.Align(length);
            using var keep = noise.IsActive ? Scratch.Rent(words) : default;
            for (int h = 0; h < heads; h++)
            {
                float* row = p + (nint)h * length, keptRow = kept + (nint)h * length;
                TokenAttention.SoftmaxRow<T>(row, length, 1);
                if (noise.IsActive)
                {
                    KeepWords.Fill(noise.Key, (long)h * words, words, keep.Pointer);
                    KeepWords.Apply<T>(row, keptRow, length, keep.Pointer, noise);
                }
                else if (kept != p) Span(row, length).CopyTo(Span(keptRow, length));
                pooled[heads * columns + h] = (float)RowMath.Sum<T>(keptRow, length);
            }
            Gemm.Multiply(Workers.Inline, false, false, heads, columns, length, Span(kept, heads * length), length, Span(n, length * columns), columns, Span(pooled, heads * columns), columns);
        }
    }

    private struct BackwardWork : IVectorKernel
    {
        public Problem Problem;
        public float* Dpooled, Dn, Dr;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int start = Problem.Tokens.Offsets[block], length = Problem.Tokens.Offsets[block + 1] - start, columns = Problem.Columns, heads = Problem.Heads;
            float* n = Problem.N + (nint)start * columns, r = Problem.R + (nint)block * heads * columns;
            float* p = Problem.P + (nint)start * heads, kept = Problem.Kept + (nint)start * heads, g = Dpooled + (nint)block * Problem.PooledColumns;
            using var scores = Scratch.Rent((long)heads * length);
            float* ds = scores.Pointer;
            Gemm.Multiply(Workers.Inline, false, true, heads, length, columns, Span(g, heads * columns), columns, Span(n, length * columns), columns, Span(ds, heads * length), length);
            for (int h = 0; h < heads; h++)
                SoftmaxGradient(p + (nint)h * length, kept + (nint)h * length, ds + (nint)h * length, length, g[heads * columns + h], Problem.Dropout);
            if (Dn != null)
            {
                var dn = Span(Dn + (nint)start * columns, length * columns);
                Gemm.Multiply(Workers.Inline, true, false, length, columns, heads, Span(kept, heads * length), length, Span(g, heads * columns), columns, dn, columns, accumulate: true);
                Gemm.Multiply(Workers.Inline, true, false, length, columns, heads, Span(ds, heads * length), length, Span(r, heads * columns), columns, dn, columns, accumulate: true);
            }
            if (Dr != null)
                Gemm.Multiply(Workers.Inline, false, false, heads, columns, length, Span(ds, heads * length), length, Span(n, length * columns), columns,
                    Span(Dr + (nint)block * heads * columns, heads * columns), columns, accumulate: true);
        }
    }

    /// <summary>From the gradient with respect to p~ (less a summand common to all) to the one with respect to the scores, in place.</summary>
    internal static void SoftmaxGradient(float* p, float* kept, float* g, int length, float common, in DropoutNoise noise)
    {
        double mean = 0;
        for (int t = 0; t < length; t++)
        {
            g[t] += common;
            mean += (double)kept[t] * g[t];
        }
        float scale = noise.IsActive ? noise.Scale : 1, m = (float)mean;
        for (int t = 0; t < length; t++) g[t] = p[t] * ((kept[t] != 0 ? g[t] * scale : 0) - m);
    }
}
