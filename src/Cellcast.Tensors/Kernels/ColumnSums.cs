using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Column sums of a part of a wider matrix, in pieces of rows of fixed size so that many rows lose no precision.</summary>
internal static unsafe class ColumnSums
{
    private const int ColumnsPerBlock = 128;
    private const int RowsPerPiece = 512;

    /// <summary>y[c] += sum of column c.</summary>
    public static void Add(Workers workers, float* x, int rows, int columns, int stride, float* y) =>
        workers.ForVectors(TokenEmbedding.Blocks(columns, ColumnsPerBlock), new Work { X = x, Rows = rows, Columns = columns, Stride = stride, Y = y });

    private struct Work : IVectorKernel
    {
        public float* X, Y;
        public int Rows, Columns, Stride;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int first = block * ColumnsPerBlock, count = Math.Min(ColumnsPerBlock, Columns - first);
            float* piece = stackalloc float[ColumnsPerBlock], total = stackalloc float[ColumnsPerBlock];
            new Span<float>(total, ColumnsPerBlock).Clear();
            for (int r0 = 0; r0 < Rows; r0 += RowsPerPiece)
            {
                new Span<float>(piece, ColumnsPerBlock).Clear();
                for (int r = r0; r < Math.Min(Rows, r0 + RowsPerPiece); r++) RowMath.Axpy<T>(1, X + (nint)r * Stride + first, piece, count);
                RowMath.Axpy<T>(1, piece, total, count);
            }
            RowMath.Axpy<T>(1, total, Y + first, count);
        }
    }
}
