using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>Survival times with a stated share of observed events.</summary>
internal static class SurvivalSimulator
{
    /// <summary>Weibull times with proportional hazards, S(t) = exp(-ln 2 (t / median)^shape e^lp), censored by staggered follow-up.</summary>
    /// <param name="linearPredictor">Log hazard of every patient, 0 on average.</param>
    /// <param name="parameters">Median, shape and share of events.</param>
    /// <param name="key">Names the random numbers.</param>
    /// <returns>Days, rounded to a tenth and at least a tenth; and whether death was observed.</returns>
    internal static (double[] Times, bool[] Events) Draw(ReadOnlySpan<double> linearPredictor, SimulationParameters parameters, RandomKey key)
    {
        int n = linearPredictor.Length;
        var random = new RandomStream(key);
        double[] death = new double[n], followUp = new double[n], ratio = new double[n];
        for (int i = 0; i < n; i++)
        {
            death[i] = parameters.MedianSurvival * Math.Pow(random.NextExponential() * Math.Exp(-linearPredictor[i]) / Math.Log(2), 1 / parameters.WeibullShape);
            followUp[i] = 0.05 + 0.95 * random.NextUniform();
            ratio[i] = death[i] / followUp[i];
        }
        // Death is observed where it comes before the end of follow-up, scale x followUp: as many as wanted at the right order statistic.
        int events = Math.Clamp((int)Math.Round(parameters.EventShare * n), 1, n);
        double[] sorted = [.. ratio.Order()];
        double scale = events == n ? double.PositiveInfinity : Math.Sqrt(sorted[events - 1] * sorted[events]);
        var (times, observed) = (new double[n], new bool[n]);
        for (int i = 0; i < n; i++)
        {
            observed[i] = ratio[i] < scale;
            double end = observed[i] ? death[i] : scale * followUp[i];
            times[i] = Math.Max(0.1, Math.Round(end * 10) / 10);
        }
        return (times, observed);
    }
}
