using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>Compositions of patients or spots: shares of types, and the tilt of the inner state within each gradient type.</summary>
/// <param name="Shares">Rows x types; rows sum to one.</param>
/// <param name="Tilts">Rows x types; 0 for types without a gradient.</param>
internal sealed record Composition(double[][] Shares, double[][] Tilts)
{
    internal int Count => Shares.Length;

    /// <summary>Per row and type: share times mean of state - 1/2.</summary>
    internal double[][] States(IMixtureSource source) =>
        [.. Shares.Select((shares, i) => shares.Select((share, k) => share * source.MeanState(k, Tilts[i][k])).ToArray())];

    /// <summary>Patients: independent Dirichlet shares and normal tilts.</summary>
    internal static Composition Patients(IMixtureSource source, SimulationParameters parameters, RandomKey key)
    {
        var concentrations = new double[source.Types.Length];
        Array.Fill(concentrations, parameters.Concentration);
        var composition = Empty(parameters.Patients);
        for (int i = 0; i < parameters.Patients; i++)
        {
            var random = new RandomStream(key.Split(i));
            composition.Shares[i] = new double[concentrations.Length];
            random.Dirichlet(concentrations, composition.Shares[i]);
            composition.Tilts[i] = [.. source.HasGradient.Select(has => parameters.GradientSpread * random.NextNormal() * (has ? 1 : 0))];
        }
        return composition;
    }

    /// <summary>Spots: every type lives around a few centres, its state changes across the tissue in one direction. Coordinates are within 0 … 1.</summary>
    internal static Composition Spots(IMixtureSource source, SimulationParameters parameters, (double X, double Y)[] coordinates, RandomKey key)
    {
        int types = source.Types.Length;
        var centres = new (double X, double Y, double Width)[types][];
        var directions = new (double X, double Y)[types];
        for (int k = 0; k < types; k++)
        {
            var random = new RandomStream(key.Split("niche").Split(k));
            centres[k] = [.. Enumerable.Range(0, 1 + random.NextInt32(3)).Select(_ => (random.NextUniform(), random.NextUniform(), 0.08 + 0.15 * random.NextUniform()))];
            double angle = 2 * Math.PI * random.NextUniform();
            directions[k] = (Math.Cos(angle), Math.Sin(angle));
        }
        var composition = Empty(coordinates.Length);
        var concentrations = new double[types];
        for (int i = 0; i < coordinates.Length; i++)
        {
            var random = new RandomStream(key.Split("spot").Split(i));
            var (x, y) = coordinates[i];
            for (int k = 0; k < types; k++)
            {
                double niche = 0.02;
                foreach (var (cx, cy, width) in centres[k]) niche += Math.Exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (2 * width * width));
                concentrations[k] = 4 * niche;
            }
            composition.Shares[i] = new double[types];
            random.Dirichlet(concentrations, composition.Shares[i]);
            composition.Tilts[i] = [.. directions.Select((d, k) => source.HasGradient[k] ? 2 * parameters.GradientSpread * (d.X * (x - 0.5) + d.Y * (y - 0.5)) : 0)];
        }
        return composition;
    }

    private static Composition Empty(int count) => new(new double[count][], new double[count][]);
}

/// <summary>Counts of mixtures as a technology with its own efficiency for every gene sees them.</summary>
internal static class MixtureCounts
{
    private const double DepthSpread = 0.15;

    /// <summary>Draws the counts of all rows.</summary>
    /// <param name="source">What is mixed.</param>
    /// <param name="composition">How.</param>
    /// <param name="platformEffect">Sd of the log efficiency of a gene.</param>
    /// <param name="depth">Median total count.</param>
    /// <param name="dispersion">Variance = mean + dispersion mean^2.</param>
    /// <param name="key">Names the random numbers; rows draw independently, so the result does not depend on the threads.</param>
    /// <param name="options">Threads and cancellation.</param>
    internal static SparseMatrix Draw(IMixtureSource source, Composition composition, double platformEffect, double depth, double dispersion, RandomKey key, ParallelOptions options)
    {
        int genes = source.Genes.Length;
        var platform = new RandomStream(key.Split("platform"));
        var efficiency = new double[genes];
        for (int g = 0; g < genes; g++) efficiency[g] = Math.Exp(platformEffect * platform.NextNormal());
        var rows = new (int[] Indices, float[] Values)[composition.Count];
        Parallel.For(0, composition.Count, options, i => rows[i] = Row(source, composition, i, efficiency, depth, dispersion, key.Split("row").Split(i)));
        return Rows.Join(rows, genes);
    }

    private static (int[], float[]) Row(IMixtureSource source, Composition composition, int row, double[] efficiency, double depth, double dispersion, RandomKey key)
    {
        var profile = new double[efficiency.Length];
        for (int k = 0; k < source.Types.Length; k++)
            if (composition.Shares[row][k] > 0) source.AddProfile(k, composition.Tilts[row][k], composition.Shares[row][k], profile);
        double sum = 0;
        for (int g = 0; g < profile.Length; g++) sum += profile[g] *= efficiency[g];
        var random = new RandomStream(key);
        double unit = depth * Math.Exp(DepthSpread * random.NextNormal()) / sum;
        List<int> indices = [];
        List<float> values = [];
        for (int g = 0; g < profile.Length; g++)
        {
            long count = random.GammaPoisson(unit * profile[g], dispersion);
            if (count == 0) continue;
            indices.Add(g);
            values.Add(count);
        }
        return ([.. indices], [.. values]);
    }
}

/// <summary>Puts rows made apart together.</summary>
internal static class Rows
{
    internal static SparseMatrix Join((int[] Indices, float[] Values)[] rows, int columns)
    {
        var indPtr = new long[rows.Length + 1];
        for (int i = 0; i < rows.Length; i++) indPtr[i + 1] = indPtr[i] + rows[i].Indices.Length;
        var (indices, values) = (new int[indPtr[^1]], new float[indPtr[^1]]);
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i].Indices.CopyTo(indices, indPtr[i]);
            rows[i].Values.CopyTo(values, indPtr[i]);
        }
        return new SparseMatrix(rows.Length, columns, indPtr, indices, values);
    }
}
