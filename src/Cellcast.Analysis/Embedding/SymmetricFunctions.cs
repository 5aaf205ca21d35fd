using MathNet.Numerics.LinearAlgebra;

namespace Cellcast.Analysis.Embedding;

/// <summary>Functions of symmetric matrices without negative eigenvalues, by their eigenvectors.</summary>
public static class SymmetricFunctions
{
    /// <summary>The symmetric root: that whose square is the matrix. Eigenvalues that rounding made negative count as 0.</summary>
    /// <param name="matrix">d x d; the lower half is read.</param>
    /// <param name="dimensions">d.</param>
    /// <returns>d x d, row-major.</returns>
    public static double[] Root(double[] matrix, int dimensions) => Of(matrix, dimensions, v => Math.Sqrt(Math.Max(0, v)));

    /// <summary>The inverse.</summary>
    /// <param name="matrix">d x d, positive definite; the lower half is read.</param>
    /// <param name="dimensions">d.</param>
    /// <returns>d x d, row-major; not finite where the matrix is singular.</returns>
    public static double[] Inverse(double[] matrix, int dimensions) => Of(matrix, dimensions, v => 1 / v);

    private static double[] Of(double[] matrix, int d, Func<double, double> function)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        ArgumentOutOfRangeException.ThrowIfLessThan(d, 1);
        if (matrix.Length != (long)d * d) throw new ArgumentException($"{matrix.Length} numbers are no {d} x {d} matrix", nameof(matrix));
        var evd = Matrix<double>.Build.Dense(d, d, (i, j) => matrix[Math.Max(i, j) * d + Math.Min(i, j)]).Evd(Symmetricity.Symmetric);
        double[] vectors = evd.EigenVectors.ToRowMajorArray(), values = [.. evd.EigenValues.Select(v => function(v.Real))], result = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j <= i; j++)
            {
                double sum = 0;
                for (int k = 0; k < d; k++) sum += vectors[i * d + k] * values[k] * vectors[j * d + k];
                result[i * d + j] = result[j * d + i] = sum;
            }
        return result;
    }
}
