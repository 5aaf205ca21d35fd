using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Dense layers on the normalised token inputs of a first layer, computed per gene instead of per token: what is normalised is c z, z the centred unit vector of the
/// gene and c = v / (v sd(z) + epsilon), so that a layer gives c (W (scale o z)) + (W shift + b).</summary>
internal static unsafe class TableProjections
{
    private const int GenesPerBlock = 32;
    private const int TokensPerBlock = 64;

    internal struct Problem
    {
        public TokenView Tokens;

        /// <summary>Columns of the table, columns of all layers together.</summary>
        public int Columns, Outputs;

        /// <summary>Added to the standard deviation of the normalisation.</summary>
        public float Epsilon;

        /// <summary>Embedding; scale of the normalisation.</summary>
        public float* Table, Scale;

        /// <summary>Different genes x columns: scale o z.</summary>
        public float* Scaled;

        /// <summary>Different genes x outputs: W (scale o z).</summary>
        public float* Projected;

        /// <summary>Outputs numbers: W shift + b.</summary>
        public float* Constant;

        /// <summary>One per different gene: length of its row, mean and sd of its unit vector.</summary>
        public float* Lengths, Means, Deviations;

        public readonly float Coefficient(int token) => Tokens.Values[token] / (Tokens.Values[token] * Deviations[Tokens.Slots[token]] + Epsilon);
    }

    /// <summary>scale o z of every different gene.</summary>
    public static void BuildTable(Workers workers, Problem problem) =>
        workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.UniqueCount, GenesPerBlock), new BuildWork { Problem = problem });

    /// <summary>y[t] = c projected[gene] + constant.</summary>
    public static void Spread(Workers workers, Problem problem, float* y) =>
        workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.Tokens, TokensPerBlock), new SpreadWork { Problem = problem, Y = y });

    /// <summary>Gradients with respect to the projected rows (overwritten) and the sds (overwritten), a gene's tokens in the order of their places.</summary>
    public static void Collect(Workers workers, Problem problem, float* dy, float* dprojected, float* ddeviations) =>
        workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.UniqueCount, GenesPerBlock), new CollectWork { Problem = problem, Dy = dy, Dprojected = dprojected, Ddeviations = ddeviations });

    /// <summary>From the gradient with respect to scale o z to those of the table, added, and of the scale, added; either may be absent.</summary>
    public static void TableGradient(Workers workers, Problem problem, float* dscaled, float* ddeviations, float* dtable, float* dscale)
    {
        if (dscale != null)
            workers.ForVectors(TokenEmbedding.Blocks(problem.Columns, 64), new ScaleWork { Problem = problem, Dscaled = dscaled, Dscale = dscale });
        if (dtable != null)
            workers.ForVectors(TokenEmbedding.Blocks(problem.Tokens.UniqueCount, GenesPerBlock), new TableWork { Problem = problem, Dscaled = dscaled, Ddeviations = ddeviations, Dtable = dtable });
    }

    private struct BuildWork : IVectorKernel
    {
        public Problem Problem;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int n = Problem.Columns, end = Math.Min(Problem.Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                float* e = Problem.Table + (nint)Problem.Tokens.Unique[u] * n, z = Problem.Scaled + (nint)u * n;
                float length = UnitRows.Length<T>(e, n), inverse = UnitRows.Inverse(length);
                float mean = (float)(RowMath.Sum<T>(e, n) * inverse / n);
                RowMath.Affine<T>(inverse, -mean, e, z, n);
                Problem.Lengths[u] = length;
                Problem.Means[u] = mean;
                Problem.Deviations[u] = (float)Math.Sqrt(RowMath.Dot<T>(z, z, n) / (n - 1));
                RowMath.Multiply<T>(Problem.Scale, z, z, n);
            }
        }
    }

    private struct SpreadWork : IVectorKernel
    {
        public Problem Problem;
        public float* Y;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int n = Problem.Outputs, end = Math.Min(Problem.Tokens.Tokens, (block + 1) * TokensPerBlock);
            for (int t = block * TokensPerBlock; t < end; t++)
            {
                float* from = Problem.Projected + (nint)Problem.Tokens.Slots[t] * n, y = Y + (nint)t * n;
                float coefficient = Problem.Coefficient(t);
                T c = T.Create(coefficient);
                int j = 0;
                for (; j <= n - T.Count; j += T.Count) T.Store(y + j, T.Fma(c, T.Load(from + j), T.Load(Problem.Constant + j)));
                for (; j < n; j++) y[j] = coefficient * from[j] + Problem.Constant[j];
            }
        }
    }

    private struct CollectWork : IVectorKernel
    {
        public Problem Problem;
        public float* Dy, Dprojected, Ddeviations;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int n = Problem.Outputs, end = Math.Min(Problem.Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                float* sum = Dprojected + (nint)u * n, row = Problem.Projected + (nint)u * n;
                new Span<float>(sum, n).Clear();
                double deviation = 0;
                for (int i = Problem.Tokens.SlotStarts[u]; i < Problem.Tokens.SlotStarts[u + 1]; i++)
                {
                    int t = Problem.Tokens.SlotTokens[i];
                    float c = Problem.Coefficient(t);
                    if (c == 0) continue;
                    RowMath.Axpy<T>(c, Dy + (nint)t * n, sum, n);
                    deviation -= (double)c * c * RowMath.Dot<T>(Dy + (nint)t * n, row, n);
                }
                Ddeviations[u] = (float)deviation;
            }
        }
    }

    private struct ScaleWork : IVectorKernel
    {
        public Problem Problem;
        public float* Dscaled, Dscale;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int n = Problem.Columns, first = block * 64, count = Math.Min(64, n - first);
            float* z = stackalloc float[64], sum = stackalloc float[64];
            new Span<float>(sum, 64).Clear();
            for (int u = 0; u < Problem.Tokens.UniqueCount; u++)
            {
                RowMath.Affine<T>(UnitRows.Inverse(Problem.Lengths[u]), -Problem.Means[u], Problem.Table + (nint)Problem.Tokens.Unique[u] * n + first, z, count);
                RowMath.MultiplyAdd<T>(z, Dscaled + (nint)u * n + first, sum, count);
            }
            RowMath.Axpy<T>(1, sum, Dscale + first, count);
        }
    }

    private struct TableWork : IVectorKernel
    {
        public Problem Problem;
        public float* Dscaled, Ddeviations, Dtable;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int n = Problem.Columns, end = Math.Min(Problem.Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            using var gradient = Scratch.Rent(n);
            using var centred = Scratch.Rent(n);
            float* du = gradient.Pointer, z = centred.Pointer;
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                nint at = (nint)Problem.Tokens.Unique[u] * n;
                RowMath.Multiply<T>(Problem.Scale, Dscaled + (nint)u * n, du, n);
                UnitRows.AddGradientOfCentred<T>(Problem.Table + at, Problem.Lengths[u], Problem.Means[u], Problem.Deviations[u], du, Ddeviations[u], z, Dtable + at, n);
            }
        }
    }
}
