namespace Cellcast.Models.Simulation;

/// <summary>The inner state of a cell, uniform on (0, 1), and how a patient tilts it: density proportional to exp(tilt (s - 1/2)).</summary>
internal static class InnerState
{
    /// <summary>Points of the midpoint rule that stands for the integral over states.</summary>
    internal const int Points = 32;

    /// <summary>State of a point.</summary>
    internal static double At(int point) => (point + 0.5) / Points;

    /// <summary>Weights of the points under a tilt; they sum to one.</summary>
    internal static void Weights(double tilt, Span<double> weights)
    {
        double sum = 0;
        for (int i = 0; i < Points; i++) sum += weights[i] = Math.Exp(tilt * (At(i) - 0.5));
        for (int i = 0; i < Points; i++) weights[i] /= sum;
    }

    /// <summary>Mean of s - 1/2 under a tilt.</summary>
    internal static double Mean(double tilt)
    {
        Span<double> weights = stackalloc double[Points];
        Weights(tilt, weights);
        double mean = 0;
        for (int i = 0; i < Points; i++) mean += weights[i] * (At(i) - 0.5);
        return mean;
    }
}
