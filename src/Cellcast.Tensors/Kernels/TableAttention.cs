using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>The first layer's attention of the cell token where it is the only layer and all cell tokens are alike. A token's normalised input is c z with z the centred
/// unit vector of its gene and the scalar c = v / (v sd(z) + epsilon), so scores are c s[gene, head] with a small table s = Z r', and what is pooled are rows of Z.</summary>
/// <remarks>Z is kept in slices of <see cref="SliceColumns"/> columns, genes one after the other within a slice, so that a slice stays in a second-level cache while
/// all tokens pass over it. Every result is summed in an order that does not depend on the number of threads.</remarks>
internal static unsafe class TableAttention
{
    /// <summary>Columns per slice; the number of columns must be a multiple.</summary>
    public const int SliceColumns = 32;

    private const int GenesPerBlock = 64;
    private const int SequencesPerBlock = 32;
    private const int HeadGroup = 4;

    /// <summary>Heads rounded up to a whole group; the spare ones have weight 0.</summary>
    public static int PaddedHeads(int heads) => (heads + HeadGroup - 1) / HeadGroup * HeadGroup;

    internal struct Problem
    {
        public TokenView Tokens;
        public int Heads;
        public int Columns;
        public DropoutNoise Dropout;

        /// <summary>Added to the standard deviation of the normalisation.</summary>
        public float Epsilon;

        /// <summary>The embedding, vocabulary x columns.</summary>
        public float* Table;

        /// <summary>padded heads x columns, already scaled; rows of spare heads are 0.</summary>
        public float* R;

        /// <summary>Slices x different genes x slice columns.</summary>
        public float* Z;

        /// <summary>One per different gene: length of its row, mean and sd of its unit vector.</summary>
        public float* Lengths, Means, Deviations;

        /// <summary>Different genes x padded heads.</summary>
        public float* Scores;

        /// <summary>tokens x padded heads: probabilities before and after dropout, and the latter times c.</summary>
        public float* P, Kept, Weights;

        public readonly int Padded => PaddedHeads(Heads);

        public readonly int PooledColumns => Heads * Columns + Heads;

        public readonly int Slices => Columns / SliceColumns;

        public readonly float* Row(int slice, int slot) => Z + ((nint)slice * Tokens.UniqueCount + slot) * SliceColumns;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly float Coefficient(int token) => Tokens.Values[token] / (Tokens.Values[token] * Deviations[Tokens.Slots[token]] + Epsilon);
    }

    /// <summary>pooled, sequences x (heads x columns + heads): the pooled rows c z of all heads, then the sums of the probabilities after dropout.</summary>
    public static void Forward(Workers workers, Problem problem, float* pooled)
    {
        workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.UniqueCount, GenesPerBlock), new TableWork { Problem = problem });
        workers.ForVectors(problem.Tokens.Sequences, new SoftmaxWork { Problem = problem, Pooled = pooled });
        int groups = TokenEmbedding.Blocks(problem.Tokens.Sequences, SequencesPerBlock);
        workers.ForVectors(problem.Slices * groups, new PoolWork { Problem = problem, Pooled = pooled, Groups = groups });
    }

    /// <summary>Room that <see cref="Backward"/> needs, in floats.</summary>
    public static long BackwardFloats(in Problem p) =>
        (long)p.Tokens.UniqueCount * p.Columns + (long)p.Tokens.Tokens * (p.Padded + 1) + (long)p.Tokens.UniqueCount * (p.Padded + 1);

    /// <summary>Adds the gradients with respect to the table and to r; either may be absent.</summary>
    public static void Backward(Workers workers, Problem problem, float* dpooled, float* room, float* dtable, float* dr)
    {
        var g = new Gradients { Dpooled = dpooled, Dtable = dtable, Dr = dr };
        g.Dz = room;
        g.TokenScores = g.Dz + (nint)problem.Tokens.UniqueCount * problem.Columns;
        g.TokenDeviations = g.TokenScores + (nint)problem.Tokens.Tokens * problem.Padded;
        g.GeneScores = g.TokenDeviations + problem.Tokens.Tokens;
        g.GeneDeviations = g.GeneScores + (nint)problem.Tokens.UniqueCount * problem.Padded;
        workers.ForVectors(problem.Tokens.Sequences, new TokenGradientWork { Problem = problem, Gradients = g });
        workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.UniqueCount, GenesPerBlock), new GeneGradientWork { Problem = problem, Gradients = g });
        workers.ForVectors(problem.Slices, new SliceGradientWork { Problem = problem, Gradients = g });
        if (dtable != null)
            workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.UniqueCount, GenesPerBlock), new TableGradientWork { Problem = problem, Gradients = g });
    }

    internal struct Gradients
    {
        public float* Dpooled, Dtable, Dr;

        /// <summary>As Z.</summary>
        public float* Dz;

        /// <summary>tokens x padded heads: with respect to the scores, times c; one per token: with respect to its gene's sd.</summary>
        public float* TokenScores, TokenDeviations;

        /// <summary>The same, summed over the tokens of each gene.</summary>
        public float* GeneScores, GeneDeviations;
    }

    /// <summary>Rows of Z and of s for some genes.</summary>
    private struct TableWork : IVectorKernel
    {
        public Problem Problem;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int columns = Problem.Columns, padded = Problem.Padded, end = Math.Min(Problem.Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            using var unit = Scratch.Rent(columns);
            float* z = unit.Pointer;
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                float* e = Problem.Table + (nint)Problem.Tokens.Unique[u] * columns;
                float length = UnitRows.Length<T>(e, columns), inverse = UnitRows.Inverse(length);
                float mean = (float)(RowMath.Sum<T>(e, columns) * inverse / columns);
                RowMath.Affine<T>(inverse, -mean, e, z, columns);
                Problem.Lengths[u] = length;
                Problem.Means[u] = mean;
                Problem.Deviations[u] = (float)Math.Sqrt(RowMath.Dot<T>(z, z, columns) / (columns - 1));
                float* scores = Problem.Scores + (nint)u * padded;
                for (int h = 0; h < padded; h += HeadGroup) Dots<T>(z, Problem.R + (nint)h * columns, columns, columns, scores + h);
                for (int s = 0; s < Problem.Slices; s++)
                    new Span<float>(z + s * SliceColumns, SliceColumns).CopyTo(new Span<float>(Problem.Row(s, u), SliceColumns));
            }
        }
    }

    /// <summary>Scalar products of one row with four others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dots<T>(float* x, float* rows, nint stride, int columns, float* dots) where T : struct, IVec<T>
    {
        T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
        for (nint j = 0; j < columns; j += T.Count)
        {
            T v = T.Load(x + j);
            a = T.Fma(v, T.Load(rows + j), a);
            b = T.Fma(v, T.Load(rows + stride + j), b);
            c = T.Fma(v, T.Load(rows + 2 * stride + j), c);
            d = T.Fma(v, T.Load(rows + 3 * stride + j), d);
        }
        dots[0] = RowMath.SumOf(a);
        dots[1] = RowMath.SumOf(b);
        dots[2] = RowMath.SumOf(c);
        dots[3] = RowMath.SumOf(d);
    }

    /// <summary>Scalar products of four rows with four others: products[i, j] of row i and vector j.</summary>
    private static void Dots<T>(float* a, float* b, float* c, float* d, float* rows, nint stride, int columns, float* products, nint productStride) where T : struct, IVec<T>
    {
        T a0 = T.Zero, a1 = T.Zero, a2 = T.Zero, a3 = T.Zero, b0 = T.Zero, b1 = T.Zero, b2 = T.Zero, b3 = T.Zero;
        T c0 = T.Zero, c1 = T.Zero, c2 = T.Zero, c3 = T.Zero, d0 = T.Zero, d1 = T.Zero, d2 = T.Zero, d3 = T.Zero;
        for (nint j = 0; j < columns; j += T.Count)
        {
            T v0 = T.Load(rows + j), v1 = T.Load(rows + stride + j), v2 = T.Load(rows + 2 * stride + j), v3 = T.Load(rows + 3 * stride + j);
            T x = T.Load(a + j);
            a0 = T.Fma(x, v0, a0);
            a1 = T.Fma(x, v1, a1);
            a2 = T.Fma(x, v2, a2);
            a3 = T.Fma(x, v3, a3);
            x = T.Load(b + j);
            b0 = T.Fma(x, v0, b0);
            b1 = T.Fma(x, v1, b1);
            b2 = T.Fma(x, v2, b2);
            b3 = T.Fma(x, v3, b3);
            x = T.Load(c + j);
            c0 = T.Fma(x, v0, c0);
            c1 = T.Fma(x, v1, c1);
            c2 = T.Fma(x, v2, c2);
            c3 = T.Fma(x, v3, c3);
            x = T.Load(d + j);
            d0 = T.Fma(x, v0, d0);
            d1 = T.Fma(x, v1, d1);
            d2 = T.Fma(x, v2, d2);
            d3 = T.Fma(x, v3, d3);
        }
        Store(products, a0, a1, a2, a3);
        Store(products + productStride, b0, b1, b2, b3);
        Store(products + 2 * productStride, c0, c1, c2, c3);
        Store(products + 3 * productStride, d0, d1, d2, d3);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Store(float* to, T p, T q, T r, T s)
        {
            to[0] = RowMath.SumOf(p);
            to[1] = RowMath.SumOf(q);
            to[2] = RowMath.SumOf(r);
            to[3] = RowMath.SumOf(s);
        }
    }

    /// <summary>Softmax and dropout of one sequence.</summary>
    private struct SoftmaxWork : IVectorKernel
    {
        public Problem Problem;
        public float* Pooled;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int start = Problem.Tokens.Offsets[block], length = Problem.Tokens.Offsets[block + 1] - start, padded = Problem.Padded;
            var noise = Problem.Dropout.For(block);
            int words = KeepWords.Align(length);
            using var keep = noise.IsActive ? Scratch.Rent(words) : default;
            using var rows = Scratch.Rent((long)length * padded);
            using var kept = Scratch.Rent(length);
            using var coefficients = Scratch.Rent(length);
            for (int t = 0; t < length; t++)
            {
                float c = coefficients.Pointer[t] = Problem.Coefficient(start + t);
                float* scores = Problem.Scores + (nint)Problem.Tokens.Slots[start + t] * padded;
                for (int h = 0; h < padded; h++) rows.Pointer[(nint)h * length + t] = c * scores[h];
            }
            for (int h = 0; h < padded; h++)
            {
                float* p = Problem.P + (nint)start * padded + h, q = Problem.Kept + (nint)start * padded + h, w = Problem.Weights + (nint)start * padded + h;
                if (h >= Problem.Heads)
                {
                    for (nint t = 0; t < length; t++) p[t * padded] = q[t * padded] = w[t * padded] = 0;
                    continue;
                }
                float* row = rows.Pointer + (nint)h * length, after = row;
                TokenAttention.SoftmaxRow<T>(row, length, 1);
                if (noise.IsActive)
                {
                    after = kept.Pointer;
                    KeepWords.Fill(noise.Key, (long)h * words, words, keep.Pointer);
                    KeepWords.Apply<T>(row, after, length, keep.Pointer, noise);
                }
                Pooled[(nint)block * Problem.PooledColumns + Problem.Heads * Problem.Columns + h] = (float)RowMath.Sum<T>(after, length);
                for (nint t = 0; t < length; t++)
                {
                    p[t * padded] = row[t];
                    q[t * padded] = after[t];
                    w[t * padded] = after[t] * coefficients.Pointer[t];
                }
            }
        }
    }

    /// <summary>One slice of the pooled rows of some sequences.</summary>
    private struct PoolWork : IVectorKernel
    {
        public Problem Problem;
        public float* Pooled;
        public int Groups;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int slice = block / Groups, first = block % Groups * SequencesPerBlock, end = Math.Min(Problem.Tokens.Sequences, first + SequencesPerBlock);
            float* z = Problem.Row(slice, 0);
            float* sums = stackalloc float[HeadGroup * SliceColumns];
            for (int s = first; s < end; s++)
                for (int h = 0; h < Problem.Heads; h += HeadGroup)
                {
                    for (int o = 0; o < SliceColumns; o += 2 * T.Count) Pool<T>(z + o, Problem.Tokens.Offsets[s], Problem.Tokens.Offsets[s + 1], h, sums + o);
                    for (int i = h; i < Math.Min(Problem.Heads, h + HeadGroup); i++)
                        new Span<float>(sums + (i - h) * SliceColumns, SliceColumns).CopyTo(
                            new Span<float>(Pooled + (nint)s * Problem.PooledColumns + i * Problem.Columns + slice * SliceColumns, SliceColumns));
                }
        }

        private readonly void Pool<T>(float* z, int start, int end, int head, float* sums) where T : struct, IVec<T>
        {
            T a0 = T.Zero, a1 = T.Zero, b0 = T.Zero, b1 = T.Zero, c0 = T.Zero, c1 = T.Zero, d0 = T.Zero, d1 = T.Zero;
            int padded = Problem.Padded;
            int* slots = Problem.Tokens.Slots;
            for (int t = start; t < end; t++)
            {
                float* row = z + (nint)slots[t] * SliceColumns, w = Problem.Weights + (nint)t * padded + head;
                T z0 = T.Load(row), z1 = T.Load(row + T.Count);
                T f = T.Create(w[0]);
                a0 = T.Fma(f, z0, a0);
                a1 = T.Fma(f, z1, a1);
                f = T.Create(w[1]);
                b0 = T.Fma(f, z0, b0);
                b1 = T.Fma(f, z1, b1);
                f = T.Create(w[2]);
                c0 = T.Fma(f, z0, c0);
                c1 = T.Fma(f, z1, c1);
                f = T.Create(w[3]);
                d0 = T.Fma(f, z0, d0);
                d1 = T.Fma(f, z1, d1);
            }
            T.Store(sums, a0);
            T.Store(sums + T.Count, a1);
            T.Store(sums + SliceColumns, b0);
            T.Store(sums + SliceColumns + T.Count, b1);
            T.Store(sums + 2 * SliceColumns, c0);
            T.Store(sums + 2 * SliceColumns + T.Count, c1);
            T.Store(sums + 3 * SliceColumns, d0);
            T.Store(sums + 3 * SliceColumns + T.Count, d1);
        }
    }

    /// <summary>Gradients of one sequence's scores and coefficients.</summary>
    private struct TokenGradientWork : IVectorKernel
    {
        public Problem Problem;
        public Gradients Gradients;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int start = Problem.Tokens.Offsets[block], length = Problem.Tokens.Offsets[block + 1] - start, padded = Problem.Padded, heads = Problem.Heads;
            float* g = Gradients.Dpooled + (nint)block * Problem.PooledColumns;
            float scale = Problem.Dropout.IsActive ? Problem.Dropout.Scale : 1;
            // Products of the tokens' rows of Z with the gradients of the pooled rows, z = e / |e| - mean, from the rows of the embedding, which lie together;
            // then by way of the softmax to the scores.
            using var products = Scratch.Rent((long)length * padded);
            using var vectors = Scratch.Rent((long)padded * Problem.Columns);
            float* dot = products.Pointer, g4 = vectors.Pointer;
            float* sums = stackalloc float[padded];
            new Span<float>(g, heads * Problem.Columns).CopyTo(new Span<float>(g4, heads * Problem.Columns));
            new Span<float>(g4 + (nint)heads * Problem.Columns, (padded - heads) * Problem.Columns).Clear();
            for (int h = 0; h < padded; h++) sums[h] = (float)RowMath.Sum<T>(g4 + (nint)h * Problem.Columns, Problem.Columns);
            float** e = stackalloc float*[4];
            using var spare = Scratch.Rent(4L * padded);
            for (int t = 0; t < length; t += 4)
            {
                int count = Math.Min(4, length - t);
                for (int i = 0; i < 4; i++) e[i] = Problem.Table + (nint)Problem.Tokens.Genes[start + t + Math.Min(i, count - 1)] * Problem.Columns;
                float* d = count == 4 ? dot + (nint)t * padded : spare.Pointer;
                for (int h = 0; h < padded; h += HeadGroup) Dots<T>(e[0], e[1], e[2], e[3], g4 + (nint)h * Problem.Columns, Problem.Columns, Problem.Columns, d + h, padded);
                for (int i = 0; i < count; i++)
                {
                    int slot = Problem.Tokens.Slots[start + t + i];
                    float inverse = UnitRows.Inverse(Problem.Lengths[slot]), mean = Problem.Means[slot];
                    for (int h = 0; h < padded; h++) dot[(nint)(t + i) * padded + h] = inverse * d[i * padded + h] - mean * sums[h];
                }
            }
            double* means = stackalloc double[heads];
            for (int h = 0; h < heads; h++) means[h] = 0;
            for (int t = 0; t < length; t++)
            {
                float c = Problem.Coefficient(start + t);
                float* kept = Problem.Kept + (nint)(start + t) * padded;
                for (int h = 0; h < heads; h++) means[h] += (double)kept[h] * (c * dot[t * padded + h] + g[heads * Problem.Columns + h]);
            }
            for (int t = 0; t < length; t++)
            {
                float c = Problem.Coefficient(start + t);
                float* kept = Problem.Kept + (nint)(start + t) * padded, p = Problem.P + (nint)(start + t) * padded;
                float* score = Problem.Scores + (nint)Problem.Tokens.Slots[start + t] * padded, ds = Gradients.TokenScores + (nint)(start + t) * padded;
                double dc = 0;
                for (int h = 0; h < heads; h++)
                {
                    float product = dot[t * padded + h], dp = c * product + g[heads * Problem.Columns + h];
                    float d = p[h] * ((kept[h] != 0 ? dp * scale : 0) - (float)means[h]);
                    dc += (double)kept[h] * product + (double)d * score[h];
                    ds[h] = d * c;
                }
                for (int h = heads; h < padded; h++) ds[h] = 0;
                Gradients.TokenDeviations[start + t] = (float)(-(double)c * c * dc);
            }
        }
    }

    /// <summary>Sums over the tokens of some genes, in the order of their places.</summary>
    private struct GeneGradientWork : IVectorKernel
    {
        public Problem Problem;
        public Gradients Gradients;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int padded = Problem.Padded, end = Math.Min(Problem.Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                float* sum = Gradients.GeneScores + (nint)u * padded;
                for (int h = 0; h < padded; h++) sum[h] = 0;
                double deviation = 0;
                for (int i = Problem.Tokens.SlotStarts[u]; i < Problem.Tokens.SlotStarts[u + 1]; i++)
                {
                    int t = Problem.Tokens.SlotTokens[i];
                    float* d = Gradients.TokenScores + (nint)t * padded;
                    for (int h = 0; h < padded; h++) sum[h] += d[h];
                    deviation += Gradients.TokenDeviations[t];
                }
                Gradients.GeneDeviations[u] = (float)deviation;
            }
        }
    }

    /// <summary>One slice of the gradients with respect to Z and to r.</summary>
    private struct SliceGradientWork : IVectorKernel
    {
        public Problem Problem;
        public Gradients Gradients;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int genes = Problem.Tokens.UniqueCount, padded = Problem.Padded;
            float* dz = Gradients.Dz + (nint)block * genes * SliceColumns;
            float* vectors = stackalloc float[HeadGroup * SliceColumns];
            new Span<float>(dz, genes * SliceColumns).Clear();
            for (int h = 0; h < Problem.Heads; h += HeadGroup)
            {
                for (int s = 0; s < Problem.Tokens.Sequences; s++)
                {
                    Collect(Gradients.Dpooled + (nint)s * Problem.PooledColumns, h, block, vectors);
                    int start = Problem.Tokens.Offsets[s], end = Problem.Tokens.Offsets[s + 1];
                    for (int o = 0; o < SliceColumns; o += 2 * T.Count)
                        Scatter<T>(dz + o, vectors + o, Problem.Weights + (nint)start * padded + h, Problem.Tokens.Slots + start, end - start, padded);
                }
                Collect(Problem.R, h, block, vectors);
                for (int o = 0; o < SliceColumns; o += 2 * T.Count)
                    Scatter<T>(dz + o, vectors + o, Gradients.GeneScores + h, null, genes, padded);
                if (Gradients.Dr == null) continue;
                for (int o = 0; o < SliceColumns; o += 2 * T.Count) Products<T>(Problem.Row(block, 0) + o, Gradients.GeneScores + h, genes, padded, vectors + o);
                for (int i = h; i < Math.Min(Problem.Heads, h + HeadGroup); i++)
                    RowMath.Axpy<T>(1, vectors + (i - h) * SliceColumns, Gradients.Dr + (nint)i * Problem.Columns + block * SliceColumns, SliceColumns);
            }
        }

        private readonly void Collect(float* rows, int head, int slice, float* vectors)
        {
            for (int i = 0; i < HeadGroup; i++)
            {
                var to = new Span<float>(vectors + i * SliceColumns, SliceColumns);
                if (head + i < Problem.Heads) new Span<float>(rows + (nint)(head + i) * Problem.Columns + slice * SliceColumns, SliceColumns).CopyTo(to);
                else to.Clear();
            }
        }

        private static void Scatter<T>(float* dz, float* vectors, float* weights, int* slots, int count, int padded) where T : struct, IVec<T>
        {
            T a0 = T.Load(vectors), a1 = T.Load(vectors + T.Count);
            T b0 = T.Load(vectors + SliceColumns), b1 = T.Load(vectors + SliceColumns + T.Count);
            T c0 = T.Load(vectors + 2 * SliceColumns), c1 = T.Load(vectors + 2 * SliceColumns + T.Count);
            T d0 = T.Load(vectors + 3 * SliceColumns), d1 = T.Load(vectors + 3 * SliceColumns + T.Count);
            for (int t = 0; t < count; t++, weights += padded)
            {
                float* row = dz + (nint)(slots == null ? t : slots[t]) * SliceColumns;
                T x0 = T.Load(row), x1 = T.Load(row + T.Count);
                T f = T.Create(weights[0]);
                x0 = T.Fma(f, a0, x0);
                x1 = T.Fma(f, a1, x1);
                f = T.Create(weights[1]);
                x0 = T.Fma(f, b0, x0);
                x1 = T.Fma(f, b1, x1);
                f = T.Create(weights[2]);
                x0 = T.Fma(f, c0, x0);
                x1 = T.Fma(f, c1, x1);
                f = T.Create(weights[3]);
                x0 = T.Fma(f, d0, x0);
                x1 = T.Fma(f, d1, x1);
                T.Store(row, x0);
                T.Store(row + T.Count, x1);
            }
        }

        private static void Products<T>(float* z, float* weights, int genes, int padded, float* sums) where T : struct, IVec<T>
        {
            T a0 = T.Zero, a1 = T.Zero, b0 = T.Zero, b1 = T.Zero, c0 = T.Zero, c1 = T.Zero, d0 = T.Zero, d1 = T.Zero;
            for (int u = 0; u < genes; u++, z += SliceColumns, weights += padded)
            {
                T z0 = T.Load(z), z1 = T.Load(z + T.Count);
                T f = T.Create(weights[0]);
                a0 = T.Fma(f, z0, a0);
                a1 = T.Fma(f, z1, a1);
                f = T.Create(weights[1]);
                b0 = T.Fma(f, z0, b0);
                b1 = T.Fma(f, z1, b1);
                f = T.Create(weights[2]);
                c0 = T.Fma(f, z0, c0);
                c1 = T.Fma(f, z1, c1);
                f = T.Create(weights[3]);
                d0 = T.Fma(f, z0, d0);
                d1 = T.Fma(f, z1, d1);
            }
            T.Store(sums, a0);
            T.Store(sums + T.Count, a1);
            T.Store(sums + SliceColumns, b0);
            T.Store(sums + SliceColumns + T.Count, b1);
            T.Store(sums + 2 * SliceColumns, c0);
            T.Store(sums + 2 * SliceColumns + T.Count, c1);
            T.Store(sums + 3 * SliceColumns, d0);
            T.Store(sums + 3 * SliceColumns + T.Count, d1);
        }
    }

    /// <summary>From Z back to the rows of the table.</summary>
    private struct TableGradientWork : IVectorKernel
    {
        public Problem Problem;
        public Gradients Gradients;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int columns = Problem.Columns, end = Math.Min(Problem.Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            using var gradient = Scratch.Rent(columns);
            using var row = Scratch.Rent(columns);
            float* du = gradient.Pointer, z = row.Pointer;
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                for (int s = 0; s < Problem.Slices; s++)
                    new Span<float>(Gradients.Dz + ((nint)s * Problem.Tokens.UniqueCount + u) * SliceColumns, SliceColumns).CopyTo(new Span<float>(du + s * SliceColumns, SliceColumns));
                nint at = (nint)Problem.Tokens.Unique[u] * columns;
                UnitRows.AddGradientOfCentred<T>(Problem.Table + at, Problem.Lengths[u], Problem.Means[u], Problem.Deviations[u], du, Gradients.GeneDeviations[u], z, Gradients.Dtable + at, columns);
            }
        }
    }
}
