namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>The scale in which <see cref="SignalTest"/> sees features: each component brings the same prior standard deviation of the linear predictor to the patients.
/// The strengths of a fit were chosen by looking at survival and must not enter a test of it.</summary>
internal static class TestLoadings
{
    /// <summary>Prior standard deviation of the linear predictor from each component.</summary>
    private const double Strength = 0.5;

    /// <summary>Scale of each feature.</summary>
    /// <param name="features">Features of the patients, S x F.</param>
    /// <param name="components">Blocks of features.</param>
    internal static double[] Scale(double[] features, IReadOnlyList<ContributionComponent> components)
    {
        int f = components.Sum(c => c.Count), n = features.Length / f;
        var mean = new double[f];
        for (int i = 0; i < n; i++) Vectors.AddScaled(1.0 / n, features.AsSpan(i * f, f), mean);
        var scale = new double[f];
        foreach (ContributionComponent c in components)
        {
            double sum = 0;
            for (int i = 0; i < n; i++)
                for (int j = c.First; j < c.First + c.Count; j++) sum += (features[i * f + j] - mean[j]) * (features[i * f + j] - mean[j]);
            Array.Fill(scale, sum / n > 1e-20 ? Strength / Math.Sqrt(sum / n) : 0, c.First, c.Count);
        }
        return scale;
    }

    /// <summary>Features times their scale.</summary>
    internal static double[] Apply(ReadOnlySpan<double> features, double[] scale)
    {
        double[] x = features.ToArray();
        for (int i = 0; i < x.Length; i++) x[i] *= scale[i % scale.Length];
        return x;
    }
}
