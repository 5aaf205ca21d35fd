namespace Cellcast.Tensors.Kernels;

/// <summary>Every kernel once more in the plainest form, with sums in double precision and without threads or vectors: what the fast kernels are tested against.</summary>
public static partial class Reference
{
    /// <inheritdoc cref="Gemm.Multiply(Workers, bool, bool, int, int, int, ReadOnlySpan{float}, int, ReadOnlySpan{float}, int, Span{float}, int, bool)"/>
    public static void Multiply(bool transposeA, bool transposeB, int m, int n, int k, ReadOnlySpan<float> a, int lda,
        ReadOnlySpan<float> b, int ldb, Span<float> c, int ldc, bool accumulate)
    {
        var sums = new double[n];
        for (int i = 0; i < m; i++)
        {
            Array.Clear(sums);
            if (transposeB)
            {
                for (int j = 0; j < n; j++)
                {
                    double s = 0;
                    for (int p = 0; p < k; p++) s += (double)a[transposeA ? p * lda + i : i * lda + p] * b[j * ldb + p];
                    sums[j] = s;
                }
            }
            else
            {
                for (int p = 0; p < k; p++)
                {
                    double x = a[transposeA ? p * lda + i : i * lda + p];
                    for (int j = 0; j < n; j++) sums[j] += x * b[p * ldb + j];
                }
            }
            for (int j = 0; j < n; j++) c[i * ldc + j] = (float)(sums[j] + (accumulate ? c[i * ldc + j] : 0f));
        }
    }
}
