using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>A simulated study: its files, with the known answer under the keys that the scoring scripts read.</summary>
/// <param name="Cells">Reference cells: <c>obs</c> label, major, sample, true_beta, state, has_gradient.</param>
/// <param name="Bulk">Patients: <c>obs</c> survival_time, vital_status, true_lp; <c>obsm</c> true_proportions, true_state; <c>uns</c> types, true_beta.</param>
/// <param name="Spots">Spots, if asked for: as patients without survival, with <c>obsm</c> spatial.</param>
public sealed record SimulatedStudy(AnnotatedData Cells, AnnotatedData Bulk, AnnotatedData? Spots);

/// <summary>Simulates single cells, a bulk cohort with survival and spots whose answer is known.</summary>
public static class StudySimulator
{
    private const int CellsPerBlock = 256;

    /// <summary>A study from parameters alone. The same seed gives the same study whatever the number of threads.</summary>
    /// <param name="parameters">What it consists of.</param>
    /// <param name="seed">Seed of all random numbers.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="held">Whether the counts of the cells are made now and held. Otherwise they are made whenever rows are asked for, as they are when the file is
    /// written, and there may be more of them than memory has room for.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InputException">A parameter is out of range.</exception>
    public static SimulatedStudy Simulate(SimulationParameters parameters, long seed, int threads = 1, bool held = true, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Problem() is { } problem) throw new InputException("simulation parameter " + problem);
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        var key = RandomKey.From(seed, "simulation");
        var population = new CellPopulation(parameters, key.Split("population"));
        var (bulk, spots, contributions) = Mixtures(population, parameters, seed, key, options);
        var cells = Cells(population, new CellSimulator(parameters, population, key.Split("cells")), contributions, parameters, options);
        if (held) cells.X = cells.X!.ToSparse();
        AddProvenance(cells, parameters, seed);
        return new SimulatedStudy(cells, bulk, spots);
    }

    /// <summary>A cohort mixed from real cells: their counts are kept, contributions and states are added to their table.</summary>
    /// <param name="reference">Labelled raw counts.</param>
    /// <param name="label">Column of <c>obs</c> with the cell types.</param>
    /// <param name="batch">Column of <c>obs</c> with the samples; null when there is none.</param>
    /// <param name="parameters">Patients, spots, survival and noise; what describes the cells is not used.</param>
    /// <param name="seed">Seed of all random numbers.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InputException">The reference cannot be used: the message names file and row.</exception>
    public static SimulatedStudy FromReference(AnnotatedData reference, string label, string? batch, SimulationParameters parameters, long seed, int threads = 1, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.CohortProblem() is { } problem) throw new InputException("simulation parameter " + problem);
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        var key = RandomKey.From(seed, "simulation");
        var source = ReferencePopulation.From(reference, label, parameters, key.Split("reference"), options);
        var (bulk, spots, contributions) = Mixtures(source, parameters, seed, key, options);
        var cells = source.Annotated(reference, label, batch, contributions);
        AddProvenance(cells, parameters, seed);
        return new SimulatedStudy(cells, bulk, spots);
    }

    private static (AnnotatedData Bulk, AnnotatedData? Spots, Contributions Contributions) Mixtures(
        IMixtureSource source, SimulationParameters parameters, long seed, RandomKey key, ParallelOptions options)
    {
        var patients = Composition.Patients(source, parameters, key.Split("patients"));
        var contributions = Contributions.Draw(source, patients, parameters, key.Split("contributions"));
        var bulk = Bulk(source, patients, contributions, parameters, key.Split("bulk"), options);
        AddProvenance(bulk, parameters, seed);
        if (parameters.Spots == 0) return (bulk, null, contributions);
        var spots = Spots(source, contributions, parameters, key.Split("spots"), options);
        AddProvenance(spots, parameters, seed);
        return (bulk, spots, contributions);
    }

    private static AnnotatedData Cells(CellPopulation population, CellSimulator simulator, Contributions contributions, SimulationParameters parameters, ParallelOptions options)
    {
        int n = parameters.Cells;
        var (types, samples, states) = (new int[n], new int[n], new double[n]);
        Parallel.For(0, (n + CellsPerBlock - 1) / CellsPerBlock, options, b =>
        {
            for (int cell = b * CellsPerBlock; cell < Math.Min(n, (b + 1) * CellsPerBlock); cell++) (types[cell], samples[cell], states[cell]) = simulator.Identity(cell);
        });
        var counts = new GeneratedMatrix(n, parameters.Genes, (first, count, rows) =>
        {
            var blocks = new CellBlock[(count + CellsPerBlock - 1) / CellsPerBlock];
            Parallel.For(0, blocks.Length, options, b => blocks[b] = simulator.Generate(first + b * CellsPerBlock, Math.Min(CellsPerBlock, count - b * CellsPerBlock)));
            foreach (CellBlock block in blocks) block.AppendTo(rows);
        });
        var obs = new DataFrame(Names("cell", n));
        obs["label"] = Categorical(types, population.Types);
        obs["major"] = Categorical([.. types.Select(k => population.Family[k])], population.Families);
        obs["sample"] = Categorical(samples, [.. Enumerable.Range(0, parameters.Samples).Select(j => $"P{j}")]);
        AddTruth(obs, types, states, population.HasGradient, contributions);
        return new AnnotatedData(obs, new DataFrame(population.Genes), counts);
    }

    /// <summary>The known contribution and state of every cell.</summary>
    internal static void AddTruth(DataFrame obs, int[] types, double[] states, bool[] hasGradient, Contributions contributions)
    {
        obs.Set("true_beta", types.Select((k, i) => contributions.Of(k, states[i])).ToArray());
        obs.Set("state", states);
        obs.Set("has_gradient", types.Select(k => hasGradient[k]).ToArray());
    }

    private static AnnotatedData Bulk(IMixtureSource source, Composition patients, Contributions contributions, SimulationParameters parameters, RandomKey key, ParallelOptions options)
    {
        var counts = MixtureCounts.Draw(source, patients, parameters.PlatformEffect, parameters.BulkDepth, parameters.BulkDispersion, key.Split("counts"), options);
        double[] lp = contributions.LinearPredictor(source, patients);
        var (times, events) = SurvivalSimulator.Draw(lp, parameters, key.Split("survival"));
        var obs = new DataFrame(Names("pt", patients.Count));
        obs.Set("survival_time", times);
        obs["vital_status"] = CategoricalColumn.FromLabels([.. events.Select(e => e ? "Dead" : "Alive")]);
        obs.Set("true_lp", lp);
        return Mixture(source, patients, contributions, obs, counts);
    }

    private static AnnotatedData Spots(IMixtureSource source, Contributions contributions, SimulationParameters parameters, RandomKey key, ParallelOptions options)
    {
        int side = (int)Math.Ceiling(Math.Sqrt(parameters.Spots));
        var coordinates = Enumerable.Range(0, parameters.Spots).Select(i => ((i % side + 0.5) / side, (i / side + 0.5) / side)).ToArray();
        var composition = Composition.Spots(source, parameters, coordinates, key.Split("composition"));
        var counts = MixtureCounts.Draw(source, composition, parameters.PlatformEffect, parameters.SpotDepth, parameters.SpotDispersion, key.Split("counts"), options);
        var obs = new DataFrame(Names("spot", composition.Count));
        obs.Set("true_lp", contributions.LinearPredictor(source, composition));
        var spots = Mixture(source, composition, contributions, obs, counts);
        // Pixels as a Visium image would have them: 100 to a spot.
        spots.Obsm["spatial"] = new DenseMatrix(composition.Count, 2, coordinates.SelectMany(c => new[] { c.Item1 * side * 100, c.Item2 * side * 100 }).ToArray());
        return spots;
    }

    private static AnnotatedData Mixture(IMixtureSource source, Composition composition, Contributions contributions, DataFrame obs, SparseMatrix counts)
    {
        int types = source.Types.Length;
        var data = new AnnotatedData(obs, new DataFrame(source.Genes), counts);
        data.Obsm["true_proportions"] = new DenseMatrix(composition.Count, types, composition.Shares.SelectMany(r => r).ToArray());
        data.Obsm["true_state"] = new DenseMatrix(composition.Count, types, composition.States(source).SelectMany(r => r).ToArray());
        data.Uns["types"] = new NdArray(source.Types);
        data.Uns["true_beta"] = new NdArray(source.Types.Select((_, k) => contributions.Mean[k] + contributions.Slope[k] * source.MeanState(k, 0)).ToArray());
        return data;
    }

    private static void AddProvenance(AnnotatedData data, SimulationParameters parameters, long seed) => data.Uns["simulation"] = new ElementMap
    {
        { "seed", new Scalar(seed) },
        { "parameters", new Scalar(JsonSerializer.Serialize(parameters)) },
    };

    private static string[] Names(string prefix, int n) => [.. Enumerable.Range(0, n).Select(i => $"{prefix}{i}")];

    /// <summary>A categorical whose categories are in ordinal order and only those that occur, as pandas makes it.</summary>
    private static CategoricalColumn Categorical(int[] codes, string[] names) => CategoricalColumn.FromLabels([.. codes.Select(c => names[c])]);
}
