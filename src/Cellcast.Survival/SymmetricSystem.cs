namespace Cellcast.Survival;

/// <summary>Cholesky factor of a small symmetric positive definite matrix that can name the column at which it fails.</summary>
internal sealed class SymmetricSystem
{
    private readonly double[] _l;
    private readonly int _p;

    private SymmetricSystem(double[] l, int p) => (_l, _p) = (l, p);

    /// <summary>Factors <paramref name="matrix"/> (p x p, row-major). A pivot at or below <paramref name="tolerance"/> times the
    /// column's reference size fails and is named in <paramref name="column"/>.</summary>
    public static SymmetricSystem? TryFactor(ReadOnlySpan<double> matrix, int p, ReadOnlySpan<double> reference, double tolerance, out int column)
    {
        var l = new double[p * p];
        for (int j = 0; j < p; j++)
        {
            double pivot = matrix[j * p + j];
            for (int k = 0; k < j; k++) pivot -= l[j * p + k] * l[j * p + k];
            if (!(pivot > tolerance * reference[j]) || !double.IsFinite(pivot))
            {
                column = j;
                return null;
            }
            double root = Math.Sqrt(pivot);
            l[j * p + j] = root;
            for (int i = j + 1; i < p; i++)
            {
                double a = matrix[i * p + j];
                for (int k = 0; k < j; k++) a -= l[i * p + k] * l[j * p + k];
                l[i * p + j] = a / root;
            }
        }
        column = -1;
        return new SymmetricSystem(l, p);
    }

    /// <summary>Logarithm of the matrix's determinant.</summary>
    public double LogDeterminant
    {
        get
        {
            double sum = 0;
            for (int j = 0; j < _p; j++) sum += 2 * Math.Log(_l[j * _p + j]);
            return sum;
        }
    }

    /// <summary>Solves for <paramref name="b"/> in place.</summary>
    public void Solve(Span<double> b)
    {
        for (int i = 0; i < _p; i++)
        {
            double a = b[i];
            for (int k = 0; k < i; k++) a -= _l[i * _p + k] * b[k];
            b[i] = a / _l[i * _p + i];
        }
        for (int i = _p - 1; i >= 0; i--)
        {
            double a = b[i];
            for (int k = i + 1; k < _p; k++) a -= _l[k * _p + i] * b[k];
            b[i] = a / _l[i * _p + i];
        }
    }

    /// <summary>The inverse, p x p row-major.</summary>
    public double[] Inverse()
    {
        var inverse = new double[_p * _p];
        var column = new double[_p];
        for (int j = 0; j < _p; j++)
        {
            Array.Clear(column);
            column[j] = 1;
            Solve(column);
            for (int i = 0; i < _p; i++) inverse[i * _p + j] = column[i];
        }
        return inverse;
    }

    /// <summary>v' A^-1 v.</summary>
    public double InverseQuadraticForm(ReadOnlySpan<double> v)
    {
        double[] x = v.ToArray();
        Solve(x);
        double sum = 0;
        for (int i = 0; i < _p; i++) sum += v[i] * x[i];
        return sum;
    }

    /// <summary>Adds factor v v' to the lower triangle of a matrix, p x p row-major.</summary>
    public static void AddOuter(Span<double> matrix, ReadOnlySpan<double> v, double factor)
    {
        int p = v.Length;
        for (int j = 0; j < p; j++)
        {
            double a = factor * v[j];
            Span<double> row = matrix.Slice(j * p, j + 1);
            for (int l = 0; l < row.Length; l++) row[l] += a * v[l];
        }
    }

    /// <summary>Copies the lower triangle to the upper one.</summary>
    public static void Mirror(Span<double> matrix, int p)
    {
        for (int j = 0; j < p; j++)
            for (int l = 0; l < j; l++) matrix[l * p + j] = matrix[j * p + l];
    }
}
