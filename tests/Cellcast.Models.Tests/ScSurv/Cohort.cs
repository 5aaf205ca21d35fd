using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>A small cohort whose patients are mixtures of two kinds of cells, one of which kills.</summary>
internal static class Cohort
{
    internal const int Cells = 120, Genes = 40, Patients = 60;

    internal static ScSurvData Make(int seed = 1, bool spots = false)
    {
        var random = new Random(seed);
        var counts = new float[Cells * Genes];
        for (int c = 0; c < Cells; c++)
            for (int g = 0; g < Genes; g++)
                counts[c * Genes + g] = random.Next(0, (g < Genes / 2) == (c < Cells / 2) ? 12 : 3);
        var patients = new float[Patients * Genes];
        var time = new double[Patients];
        var died = new bool[Patients];
        for (int s = 0; s < Patients; s++)
        {
            double bad = random.NextDouble();
            for (int g = 0; g < Genes; g++) patients[s * Genes + g] = (float)Math.Round(200 * (g < Genes / 2 ? bad : 1 - bad) + random.Next(20, 60));
            time[s] = -Math.Log(1 - random.NextDouble()) * Math.Exp(3 - 3 * bad) + 0.01;
            died[s] = random.NextDouble() < 0.7;
        }
        string[] Names(string prefix, int n) => [.. Enumerable.Range(0, n).Select(i => $"{prefix}{i}")];
        var cells = new ReferenceCells(Names("cell", Cells), SparseMatrix.FromDense(Cells, Genes, counts), [.. Enumerable.Range(0, Cells).Select(c => c % 2)], ["a", "b"]);
        var mixtures = Mixtures.From(Names("patient", Patients), SparseMatrix.FromDense(Patients, Genes, patients));
        Split[] splits = [.. Enumerable.Range(0, Patients).Select(s => s % 5 < 3 ? Split.Train : s % 5 == 3 ? Split.Validation : Split.Test)];
        return new ScSurvData(Names("gene", Genes), cells, mixtures, time, died, splits, spots ? mixtures.Select([0, 1, 2, 3, 4, 5, 6]) : null);
    }

    internal static ScSurvOptions Published => Quick with { Method = HazardMethod.Published };

    internal static ScSurvOptions Quick => new() { Hidden = 12, Latent = 4, MaxEpochs = 6, ProjectionSteps = 20, PosteriorDraws = 5, Cells = new(0.01, 50), Bulk = new(0.01, 50), Spots = new(0.01, 50), Hazard = new(1e-3, 50) };
}

/// <summary>Keeps every snapshot, as a disk that never fails would.</summary>
internal sealed class EverySnapshot : ICheckpointStore
{
    internal List<Snapshot> All { get; } = [];

    public TimeSpan Interval => TimeSpan.Zero;

    public void Save(Snapshot snapshot) => All.Add(snapshot);
}
