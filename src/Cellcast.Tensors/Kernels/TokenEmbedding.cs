using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Token inputs x = v (e + 1e-12) / (|e| + 1e-12), e the row of the token's gene in a table, v its value.</summary>
internal static unsafe class TokenEmbedding
{
    private const int TokensPerBlock = 64;
    private const int GenesPerBlock = 32;

    /// <summary>x, tokens x columns; the lengths of the rows in use go to <paramref name="lengths"/>, one per different gene.</summary>
    public static void Forward(Workers workers, in TokenView tokens, float* table, int columns, float* lengths, float* x)
    {
        workers.ForVectors(Blocks(tokens.UniqueCount, GenesPerBlock), new LengthWork { Tokens = tokens, Table = table, Columns = columns, Lengths = lengths });
        workers.ForVectors(Blocks(tokens.Tokens, TokensPerBlock), new ForwardWork { Tokens = tokens, Table = table, Columns = columns, Lengths = lengths, X = x });
    }

    /// <summary>Adds the gradient with respect to the table. A gene's tokens are summed in the order of their places.</summary>
    public static void Backward(Workers workers, in TokenView tokens, float* table, int columns, float* lengths, float* dx, float* dtable) =>
        workers.ForVectors(Blocks(tokens.UniqueCount, GenesPerBlock), new BackwardWork { Tokens = tokens, Table = table, Columns = columns, Lengths = lengths, Dx = dx, Dtable = dtable });

    internal static int Blocks(int n, int size) => (n + size - 1) / size;

    private struct LengthWork : IVectorKernel
    {
        public TokenView Tokens;
        public float* Table, Lengths;
        public int Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int end = Math.Min(Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            for (int u = block * GenesPerBlock; u < end; u++) Lengths[u] = UnitRows.Length<T>(Table + (nint)Tokens.Unique[u] * Columns, Columns);
        }
    }

    private struct ForwardWork : IVectorKernel
    {
        public TokenView Tokens;
        public float* Table, Lengths, X;
        public int Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int end = Math.Min(Tokens.Tokens, (block + 1) * TokensPerBlock);
            for (int t = block * TokensPerBlock; t < end; t++)
            {
                float factor = Tokens.Values[t] * UnitRows.Inverse(Lengths[Tokens.Slots[t]]);
                RowMath.Affine<T>(factor, factor * UnitRows.Epsilon, Table + (nint)Tokens.Genes[t] * Columns, X + (nint)t * Columns, Columns);
            }
        }
    }

    private struct BackwardWork : IVectorKernel
    {
        public TokenView Tokens;
        public float* Table, Lengths, Dx, Dtable;
        public int Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            using var sum = Scratch.Rent(Columns);
            int end = Math.Min(Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            for (int u = block * GenesPerBlock; u < end; u++)
            {
                new Span<float>(sum.Pointer, Columns).Clear();
                for (int i = Tokens.SlotStarts[u]; i < Tokens.SlotStarts[u + 1]; i++)
                {
                    int t = Tokens.SlotTokens[i];
                    if (Tokens.Values[t] != 0) RowMath.Axpy<T>(Tokens.Values[t], Dx + (nint)t * Columns, sum.Pointer, Columns);
                }
                nint row = (nint)Tokens.Unique[u] * Columns;
                UnitRows.AddGradient<T>(Table + row, Lengths[u], sum.Pointer, Dtable + row, Columns);
            }
        }
    }
}
