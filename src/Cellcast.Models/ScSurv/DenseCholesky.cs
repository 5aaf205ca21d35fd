using Cellcast.Analysis;

namespace Cellcast.Models.ScSurv;

/// <summary>Cholesky factor of a small symmetric positive definite matrix, row by row.</summary>
internal sealed class DenseCholesky
{
    private readonly double[] _l;
    private readonly int _n;

    /// <param name="matrix">n x n; only the lower half is read.</param>
    /// <param name="n">Rows.</param>
    /// <exception cref="ArithmeticException">A pivot is not positive.</exception>
    internal DenseCholesky(ReadOnlySpan<double> matrix, int n)
    {
        (_l, _n) = (new double[n * n], n);
        int row = Factor(matrix, _l, n);
        if (row < n) throw new ArithmeticException($"the matrix is not positive definite at row {row + 1}");
    }

    /// <summary>The first row whose pivot is not positive; n when there is none.</summary>
    private static int Factor(ReadOnlySpan<double> matrix, double[] l, int n)
    {
        for (int j = 0; j < n; j++)
            for (int i = j; i < n; i++)
            {
                double v = matrix[i * n + j] - Blocks.Dot(l.AsSpan(i * n, j), l.AsSpan(j * n, j));
                if (i > j) l[i * n + j] = v / l[j * n + j];
                else if (v > 0 && double.IsFinite(v)) l[j * n + j] = Math.Sqrt(v);
                else return j;
            }
        return n;
    }

    /// <summary>L^-1 b, in place.</summary>
    internal void Forward(Span<double> b)
    {
        for (int i = 0; i < _n; i++) b[i] = (b[i] - Blocks.Dot(_l.AsSpan(i * _n, i), b[..i])) / _l[i * _n + i];
    }

    /// <summary>Solves for b, in place.</summary>
    internal void Solve(Span<double> b)
    {
        Forward(b);
        for (int i = _n - 1; i >= 0; i--)
        {
            b[i] /= _l[i * _n + i];
            Blocks.AddScaled(-b[i], _l.AsSpan(i * _n, i), b[..i]);
        }
    }

    /// <summary>The inverse, n x n.</summary>
    internal double[] Inverse()
    {
        var inverse = new double[_n * _n];
        for (int j = 0; j < _n; j++)
        {
            inverse[j * _n + j] = 1;
            Solve(inverse.AsSpan(j * _n, _n));
        }
        return inverse;
    }
}
