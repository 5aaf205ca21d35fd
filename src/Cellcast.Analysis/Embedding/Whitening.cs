using MathNet.Numerics.LinearAlgebra;

namespace Cellcast.Analysis.Embedding;

/// <summary>Linear maps that make unwanted scatter alike in all directions, so that distances count in its units (within-class covariance normalisation; Hatch, Kajarekar and Stolcke 2006).</summary>
public static class Whitening
{
    /// <summary>The symmetric map (S + r t I)^(-1/2), t the mean variance along a column: scatter S becomes the same in all directions, but for directions that hold next to nothing of it.</summary>
    /// <param name="scatter">S, d x d, symmetric and without negative eigenvalues but for rounding.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="ridge">r, above 0.</param>
    /// <returns>d x d, row-major; null where S is zero or not finite.</returns>
    public static double[]? InverseRoot(double[] scatter, int dimensions, double ridge)
    {
        ArgumentNullException.ThrowIfNull(scatter);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ridge);
        if (scatter.Length != (long)dimensions * dimensions) throw new ArgumentException($"{scatter.Length} numbers are no {dimensions} x {dimensions} matrix", nameof(scatter));
        int d = dimensions;
        double mean = 0;
        for (int i = 0; i < d; i++) mean += scatter[i * d + i] / d;
        if (!(mean > 0) || double.IsInfinity(mean)) return null;
        var evd = Matrix<double>.Build.Dense(d, d, (i, j) => scatter[Math.Max(i, j) * d + Math.Min(i, j)]).Evd(Symmetricity.Symmetric);
        var vectors = evd.EigenVectors.ToRowMajorArray();
        var factors = new double[d];
        for (int k = 0; k < d; k++) factors[k] = 1 / Math.Sqrt(Math.Max(0, evd.EigenValues[k].Real) + ridge * mean);
        var map = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j <= i; j++)
            {
                double sum = 0;
                for (int k = 0; k < d; k++) sum += vectors[i * d + k] * factors[k] * vectors[j * d + k];
                map[i * d + j] = map[j * d + i] = sum;
            }
        return map;
    }
}
