namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>Mean features of groups of cells.</summary>
internal static class GroupFeatures
{
    /// <param name="features">Features of the cells, N x F.</param>
    /// <param name="f">F.</param>
    /// <param name="groupOf">Group of each cell, -1 for none.</param>
    /// <param name="groups">Number of groups.</param>
    /// <returns>Groups x F; zero for a group without cells.</returns>
    internal static double[] Means(double[] features, int f, int[] groupOf, int groups)
    {
        var mean = new double[groups * f];
        var count = new int[groups];
        foreach (int g in groupOf)
            if (g >= 0) count[g]++;
        for (int c = 0; c < groupOf.Length; c++)
            if (groupOf[c] is var g and >= 0) Vectors.AddScaled(1.0 / count[g], features.AsSpan(c * f, f), mean.AsSpan(g * f, f));
        return mean;
    }
}
