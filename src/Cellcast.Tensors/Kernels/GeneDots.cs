using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Predicted expression: for every token the scalar product of its cell's vector with its gene's row of a table.</summary>
internal static unsafe class GeneDots
{
    private const int GenesPerBlock = 32;

    /// <summary>y[t] = cells[sequence of t] . table[gene of t].</summary>
    public static void Forward(Workers workers, in TokenView tokens, float* cells, float* table, int columns, float* y) =>
        workers.ForVectors(tokens.Sequences, new ForwardWork { Tokens = tokens, Cells = cells, Table = table, Columns = columns, Y = y });

    /// <summary>Adds the gradients with respect to cells and table; either may be absent.</summary>
    public static void Backward(Workers workers, in TokenView tokens, float* cells, float* table, int columns, float* dy, float* dcells, float* dtable)
    {
        if (dcells != null) workers.ForVectors(tokens.Sequences, new CellWork { Tokens = tokens, Table = table, Columns = columns, Dy = dy, Dcells = dcells });
        if (dtable != null)
            workers.ForVectors(TokenEmbedding.Blocks(tokens.UniqueCount, GenesPerBlock), new TableWork { Tokens = tokens, Cells = cells, Columns = columns, Dy = dy, Dtable = dtable });
    }

    private struct ForwardWork : IVectorKernel
    {
        public TokenView Tokens;
        public float* Cells, Table, Y;
        public int Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            for (int t = Tokens.Offsets[block]; t < Tokens.Offsets[block + 1]; t++)
                Y[t] = (float)RowMath.Dot<T>(Cells + (nint)block * Columns, Table + (nint)Tokens.Genes[t] * Columns, Columns);
        }
    }

    private struct CellWork : IVectorKernel
    {
        public TokenView Tokens;
        public float* Table, Dy, Dcells;
        public int Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            for (int t = Tokens.Offsets[block]; t < Tokens.Offsets[block + 1]; t++)
                RowMath.Axpy<T>(Dy[t], Table + (nint)Tokens.Genes[t] * Columns, Dcells + (nint)block * Columns, Columns);
        }
    }

    private struct TableWork : IVectorKernel
    {
        public TokenView Tokens;
        public float* Cells, Dy, Dtable;
        public int Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int end = Math.Min(Tokens.UniqueCount, (block + 1) * GenesPerBlock);
            for (int u = block * GenesPerBlock; u < end; u++)
                for (int i = Tokens.SlotStarts[u]; i < Tokens.SlotStarts[u + 1]; i++)
                {
                    int t = Tokens.SlotTokens[i];
                    RowMath.Axpy<T>(Dy[t], Cells + (nint)Tokens.SequenceOfToken[t] * Columns, Dtable + (nint)Tokens.Unique[u] * Columns, Columns);
                }
        }
    }
}
