using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>The known answer: how much a cell of each type, in each state, adds to the log hazard.</summary>
/// <param name="Mean">Per type, at the middle state; not negative.</param>
/// <param name="Slope">Per type, change from state 0 to 1; 0 without a gradient.</param>
internal sealed record Contributions(double[] Mean, double[] Slope)
{
    internal double Of(int type, double state) => Mean[type] + Slope[type] * (state - 0.5);

    /// <summary>Draws them and scales them so that the log hazard of the patients has the standard deviation asked for.</summary>
    internal static Contributions Draw(IMixtureSource source, Composition patients, SimulationParameters parameters, RandomKey key)
    {
        var random = new RandomStream(key);
        int types = source.Types.Length;
        double[] mean = new double[types], slope = new double[types];
        for (int k = 0; k < types; k++)
        {
            mean[k] = random.NextUniform();
            // Uniform means have sd 1 / sqrt 12 between types, a slope of 1 has the same within a type.
            slope[k] = source.HasGradient[k] ? parameters.GradientEffect * (random.NextUniform() < 0.5 ? -1 : 1) : 0;
        }
        var raw = new Contributions(mean, slope);
        double[] lp = raw.LinearPredictor(source, patients);
        double sd = Math.Sqrt(lp.Average(v => v * v));
        double scale = sd > 1e-12 ? parameters.Effect / sd : 0;
        return new Contributions([.. mean.Select(v => v * scale)], [.. slope.Select(v => v * scale)]);
    }

    /// <summary>Log hazard of every row, less its mean over the rows.</summary>
    internal double[] LinearPredictor(IMixtureSource source, Composition rows)
    {
        double[][] states = rows.States(source);
        var lp = new double[rows.Count];
        for (int i = 0; i < lp.Length; i++)
            for (int k = 0; k < Mean.Length; k++)
                lp[i] += rows.Shares[i][k] * Mean[k] + states[i][k] * Slope[k];
        double mean = lp.Average();
        for (int i = 0; i < lp.Length; i++) lp[i] -= mean;
        return lp;
    }
}
