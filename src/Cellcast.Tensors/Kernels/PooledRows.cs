using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Rows that attention pooled, one per head, followed by each head's sum of weights: what layer normalisation's scale and shift do to them.</summary>
internal static unsafe class PooledRows
{
    private const int RowsPerBlock = 16;

    /// <summary>y[h] = scale o pooled[h] + shift weight[h]; the weights stay.</summary>
    public static void Scale(Workers workers, float* pooled, int rows, int heads, int columns, float* scale, float* shift, float* y) =>
        workers.ForVectors(TokenEmbedding.Blocks(rows, RowsPerBlock), new ScaleWork { Pooled = pooled, Rows = rows, Heads = heads, Columns = columns, Scale = scale, Shift = shift, Y = y });

    /// <summary>Adds the gradients; each may be absent. Those of scale and shift are summed row by row.</summary>
    public static void ScaleGradient(Workers workers, float* pooled, int rows, int heads, int columns, float* scale, float* shift, float* dy, float* dpooled, float* dscale, float* dshift)
    {
        if (dpooled != null)
            workers.ForVectors(TokenEmbedding.Blocks(rows, RowsPerBlock),
                new RowGradientWork { Rows = rows, Heads = heads, Columns = columns, Scale = scale, Shift = shift, Dy = dy, Dpooled = dpooled });
        if (dscale != null || dshift != null)
            workers.ForVectors(TokenEmbedding.Blocks(columns, 64),
                new ColumnGradientWork { Pooled = pooled, Rows = rows, Heads = heads, Columns = columns, Dy = dy, Dscale = dscale, Dshift = dshift });
    }

    private struct ScaleWork : IVectorKernel
    {
        public float* Pooled, Scale, Shift, Y;
        public int Rows, Heads, Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            nint stride = (nint)Heads * Columns + Heads;
            int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
            for (int r = block * RowsPerBlock; r < end; r++)
                for (int h = 0; h < Heads; h++)
                {
                    float* x = Pooled + r * stride + (nint)h * Columns, y = Y + r * stride + (nint)h * Columns;
                    float weight = Pooled[r * stride + (nint)Heads * Columns + h];
                    Y[r * stride + (nint)Heads * Columns + h] = weight;
                    T w = T.Create(weight);
                    int c = 0;
                    for (; c <= Columns - T.Count; c += T.Count) T.Store(y + c, T.Fma(T.Load(Scale + c), T.Load(x + c), T.Load(Shift + c) * w));
                    for (; c < Columns; c++) y[c] = Scale[c] * x[c] + Shift[c] * weight;
                }
        }
    }

    private struct RowGradientWork : IVectorKernel
    {
        public float* Scale, Shift, Dy, Dpooled;
        public int Rows, Heads, Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            nint stride = (nint)Heads * Columns + Heads;
            int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
            for (int r = block * RowsPerBlock; r < end; r++)
                for (int h = 0; h < Heads; h++)
                {
                    float* dy = Dy + r * stride + (nint)h * Columns, dx = Dpooled + r * stride + (nint)h * Columns;
                    nint weight = r * stride + (nint)Heads * Columns + h;
                    Dpooled[weight] += Dy[weight] + (float)RowMath.Dot<T>(Shift, dy, Columns);
                    int c = 0;
                    for (; c <= Columns - T.Count; c += T.Count) T.Store(dx + c, T.Fma(T.Load(Scale + c), T.Load(dy + c), T.Load(dx + c)));
                    for (; c < Columns; c++) dx[c] += Scale[c] * dy[c];
                }
        }
    }

    private struct ColumnGradientWork : IVectorKernel
    {
        public float* Pooled, Dy, Dscale, Dshift;
        public int Rows, Heads, Columns;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            nint stride = (nint)Heads * Columns + Heads;
            int first = block * 64, count = Math.Min(64, Columns - first);
            float* ds = stackalloc float[64], db = stackalloc float[64];
            new Span<float>(ds, 64).Clear();
            new Span<float>(db, 64).Clear();
            for (int r = 0; r < Rows; r++)
                for (int h = 0; h < Heads; h++)
                {
                    float* x = Pooled + r * stride + (nint)h * Columns + first, dy = Dy + r * stride + (nint)h * Columns + first;
                    float weight = Pooled[r * stride + (nint)Heads * Columns + h];
                    int c = 0;
                    for (; c <= count - T.Count; c += T.Count) T.Store(ds + c, T.Fma(T.Load(x + c), T.Load(dy + c), T.Load(ds + c)));
                    for (; c < count; c++) ds[c] += x[c] * dy[c];
                    RowMath.Axpy<T>(weight, dy, db, count);
                }
            if (Dscale != null) RowMath.Axpy<T>(1, ds, Dscale + first, count);
            if (Dshift != null) RowMath.Axpy<T>(1, db, Dshift + first, count);
        }
    }
}
