using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Scaled dot-product attention within each sequence, head by head. Scores exist for a tile of queries at a time only; the backward pass computes them
/// again from the logarithm of the softmax's denominator (Rabe and Staats 2021; Dao et al. 2022).</summary>
internal static unsafe class TokenAttention
{
    // Scores of a tile, about: a few of them fit into a second-level cache.
    private const int TileScores = 32768;

    /// <summary>What both passes need to know.</summary>
    internal struct Problem
    {
        public TokenView Tokens;
        public int Heads;
        public int HeadSize;

        /// <summary>Queries, keys, values: tokens x columns, all heads side by side.</summary>
        public float* Q, K, V;

        /// <summary>Elements from row to row of Q, K, V and their gradients.</summary>
        public int Stride;

        /// <summary>One number per token and head: log of the sum of exp of the scaled scores.</summary>
        public float* LogSums;

        public DropoutNoise Dropout;

        public static int TileOf(int length) => Math.Clamp(TileScores / length, 16, length < 16 ? 16 : length);

        public readonly float Scale => (float)(1 / Math.Sqrt(HeadSize));
    }

    /// <summary>out = dropout(softmax(q k' / sqrt(d))) v.</summary>
    public static void Forward(Workers workers, Problem problem, float* output, int outputStride) =>
        workers.ForVectors(problem.Tokens.Sequences * problem.Heads, new ForwardWork { Problem = problem, Output = output, OutputStride = outputStride });

    /// <summary>Gradients with respect to q, k and v, overwritten.</summary>
    public static void Backward(Workers workers, Problem problem, float* output, float* doutput, int outputStride, float* dq, float* dk, float* dv) =>
        workers.ForVectors(problem.Tokens.Sequences * problem.Heads,
            new BackwardWork { Problem = problem, Output = output, Doutput = doutput, OutputStride = outputStride, Dq = dq, Dk = dk, Dv = dv });

    /// <summary>Probabilities of one sequence and head before dropout, length x length.</summary>
    public static void Probabilities(Problem problem, int sequence, int head, float* p)
    {
        int start = problem.Tokens.Offsets[sequence], length = problem.Tokens.Offsets[sequence + 1] - start;
        nint at = (nint)start * problem.Stride + head * problem.HeadSize;
        Multiply(false, true, length, length, problem.HeadSize, problem.Q + at, problem.Stride, problem.K + at, problem.Stride, p, length, false);
        for (int i = 0; i < length; i++) SoftmaxRow<F128>(p + (nint)i * length, length, problem.Scale);
    }

    private static void Multiply(bool transposeA, bool transposeB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate) =>
        Gemm.Multiply(Workers.Inline, transposeA, transposeB, m, n, k, Span(a, transposeA ? k : m, transposeA ? m : k, lda), lda,
            Span(b, transposeB ? n : k, transposeB ? k : n, ldb), ldb, Span(c, m, n, ldc), ldc, accumulate);

    private static Span<float> Span(float* p, int rows, int columns, int stride) => new(p, checked((rows - 1) * stride + columns));

    /// <summary>Softmax of scale x in place.</summary>
    /// <returns>log of the sum of exp.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float SoftmaxRow<T>(float* x, int n, float scale) where T : struct, IVec<T>
    {
        T f = T.Create(scale), m = T.Create(float.NegativeInfinity);
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) m = T.Max(m, T.Load(x + i));
        float max = T.MaxAcross(m);
        for (; i < n; i++) max = MathF.Max(max, x[i]);
        max *= scale;
        T shift = T.Create(-max), sum = T.Zero;
        for (i = 0; i <= n - T.Count; i += T.Count)
        {
            T e = VectorFunctions.ExpOfNegative(T.Fma(f, T.Load(x + i), shift));
            T.Store(x + i, e);
            sum += e;
        }
        double total = T.SumAcross(sum);
        for (; i < n; i++)
        {
            x[i] = MathF.Exp(x[i] * scale - max);
            total += x[i];
        }
        RowMath.Affine<T>((float)(1 / total), 0, x, x, n);
        return (float)(max + Math.Log(total));
    }

    /// <summary>x = exp(scale x - shift) in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ExpRow<T>(float* x, int n, float scale, float shift) where T : struct, IVec<T>
    {
        T f = T.Create(scale), s = T.Create(-shift);
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) T.Store(x + i, VectorFunctions.ExpOfNegative(T.Fma(f, T.Load(x + i), s)));
        for (; i < n; i++) x[i] = MathF.Exp(x[i] * scale - shift);
    }

    private struct ForwardWork : IVectorKernel
    {
        public Problem Problem;
        public float* Output;
        public int OutputStride;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int sequence = block / Problem.Heads, head = block % Problem.Heads;
            int start = Problem.Tokens.Offsets[sequence], length = Problem.Tokens.Offsets[sequence + 1] - start, tile = TokenAttention.Problem.TileOf(length), d = Problem.HeadSize;
            nint at = (nint)start * Problem.Stride + head * d;
            int words = KeepWords.Align(length);
            bool drop = Problem.Dropout.IsActive;
            var noise = Problem.Dropout.For(sequence);
            using var scores = Scratch.Rent((long)tile * length);
            using var keep = drop ? Scratch.Rent(words) : default;
            for (int i0 = 0; i0 < length; i0 += tile)
            {
                int rows = Math.Min(tile, length - i0);
                Multiply(false, true, rows, length, d, Problem.Q + at + (nint)i0 * Problem.Stride, Problem.Stride, Problem.K + at, Problem.Stride, scores.Pointer, length, false);
                for (int i = 0; i < rows; i++)
                {
                    float* row = scores.Pointer + (nint)i * length;
                    Problem.LogSums[(nint)(start + i0 + i) * Problem.Heads + head] = SoftmaxRow<T>(row, length, Problem.Scale);
                    if (!drop) continue;
                    KeepWords.Fill(noise.Key, ((long)(i0 + i) * Problem.Heads + head) * words, words, keep.Pointer);
                    KeepWords.Apply<T>(row, row, length, keep.Pointer, noise);
                }
                Multiply(false, false, rows, d, length, scores.Pointer, length, Problem.V + at, Problem.Stride, Output + (nint)(start + i0) * OutputStride + head * d, OutputStride, false);
            }
        }
    }

    private struct BackwardWork : IVectorKernel
    {
        public Problem Problem;
        public float* Output, Doutput, Dq, Dk, Dv;
        public int OutputStride;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int sequence = block / Problem.Heads, head = block % Problem.Heads;
            int start = Problem.Tokens.Offsets[sequence], length = Problem.Tokens.Offsets[sequence + 1] - start, tile = TokenAttention.Problem.TileOf(length), d = Problem.HeadSize;
            nint at = (nint)start * Problem.Stride + head * d;
            int words = KeepWords.Align(length);
            bool drop = Problem.Dropout.IsActive;
            var noise = Problem.Dropout.For(sequence);
            using var probabilities = Scratch.Rent((long)tile * length);
            using var gradient = Scratch.Rent((long)tile * length);
            using var dropped = drop ? Scratch.Rent(length) : default;
            using var keep = drop ? Scratch.Rent(words) : default;
            for (int i0 = 0; i0 < length; i0 += tile)
            {
                int rows = Math.Min(tile, length - i0);
                bool first = i0 == 0;
                float* q = Problem.Q + at + (nint)i0 * Problem.Stride;
                float* dout = Doutput + (nint)(start + i0) * OutputStride + head * d;
                float* output = Output + (nint)(start + i0) * OutputStride + head * d;
                float* p = probabilities.Pointer, g = gradient.Pointer;
                Multiply(false, true, rows, length, d, q, Problem.Stride, Problem.K + at, Problem.Stride, p, length, false);
                Multiply(false, true, rows, length, d, dout, OutputStride, Problem.V + at, Problem.Stride, g, length, false);
                for (int i = 0; i < rows; i++)
                {
                    float* prow = p + (nint)i * length, grow = g + (nint)i * length;
                    ExpRow<T>(prow, length, Problem.Scale, Problem.LogSums[(nint)(start + i0 + i) * Problem.Heads + head]);
                    // Sum over the keys of (dropped) probability times its gradient.
                    float mean = (float)RowMath.Dot<T>(output + (nint)i * OutputStride, dout + (nint)i * OutputStride, d);
                    if (drop)
                    {
                        KeepWords.Fill(noise.Key, ((long)(i0 + i) * Problem.Heads + head) * words, words, keep.Pointer);
                        KeepWords.Apply<T>(grow, grow, length, keep.Pointer, noise);
                        KeepWords.Apply<T>(prow, dropped.Pointer, length, keep.Pointer, noise);
                    }
                    SoftmaxGradientRow<T>(prow, grow, length, mean, Problem.Scale);
                    if (drop) new Span<float>(dropped.Pointer, length).CopyTo(new Span<float>(prow, length));
                }
                Multiply(true, false, length, d, rows, p, length, dout, OutputStride, Dv + at, Problem.Stride, !first);
                Multiply(false, false, rows, d, length, g, length, Problem.K + at, Problem.Stride, Dq + at + (nint)i0 * Problem.Stride, Problem.Stride, false);
                Multiply(true, false, length, d, rows, g, length, q, Problem.Stride, Dk + at, Problem.Stride, !first);
            }
        }

        /// <summary>g = scale p (g - mean).</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void SoftmaxGradientRow<T>(float* p, float* g, int n, float mean, float scale) where T : struct, IVec<T>
        {
            T m = T.Create(mean), s = T.Create(scale);
            int i = 0;
            for (; i <= n - T.Count; i += T.Count) T.Store(g + i, s * T.Load(p + i) * (T.Load(g + i) - m));
            for (; i < n; i++) g[i] = scale * p[i] * (g[i] - mean);
        }
    }
}
