using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Models.Simulation;
using Cellcast.TestSupport;

namespace Cellcast.Robustness.Tests;

/// <summary>Good inputs for <c>scsurv fit</c>, small enough to be read in no time, which a test spoils in one place.</summary>
internal sealed class SmallStudy
{
    private static readonly Lazy<SimulatedStudy> s_good = new(() => StudySimulator.Simulate(new SimulationParameters
    {
        Cells = 60,
        Genes = 60,
        Types = 3,
        Families = 2,
        GradientTypes = 1,
        Samples = 2,
        Patients = 40,
        Spots = 16,
        CellDepth = 300,
        BulkDepth = 5000,
        SpotDepth = 500,
        PlatformEffect = 0.1,
    }, seed: 1));

    internal AnnotatedData Cells { get; set; } = s_good.Value.Cells;

    internal AnnotatedData Bulk { get; set; } = s_good.Value.Bulk;

    internal AnnotatedData Spots { get; set; } = s_good.Value.Spots!;

    /// <summary>Writes the files and runs a fit of a few epochs into <c>fit</c>.</summary>
    internal ProcessResult Fit(TemporaryDirectory folder, params string[] more)
    {
        Write(folder);
        return CommandLine.Run(Arguments(folder, more));
    }

    internal static string[] Arguments(TemporaryDirectory folder, params string[] more) =>
        ["scsurv", "fit", "--reference", folder["cells.h5ad"], "--bulk", folder["bulk.h5ad"], "--spatial", folder["spots.h5ad"],
            "--batch", "sample", "--label", "label", "--max-epochs", "2", "--draws", "2", "--threads", "1", "--json", "--out", folder["fit"], .. more];

    internal void Write(TemporaryDirectory folder)
    {
        H5adFile.Write(folder["cells.h5ad"], Cells);
        H5adFile.Write(folder["bulk.h5ad"], Bulk);
        H5adFile.Write(folder["spots.h5ad"], Spots);
    }

    /// <summary>The data with one value of the matrix changed; the row keeps its other values.</summary>
    internal static AnnotatedData WithValue(AnnotatedData data, int row, float value)
    {
        var x = (SparseMatrix)data.X!;
        float[] values = [.. x.Values];
        values[x.IndPtr[row]] = value;
        return Rebuilt(data, new SparseMatrix(x.Rows, x.Columns, x.IndPtr, x.Indices, values));
    }

    /// <summary>The data with one row without any count.</summary>
    internal static AnnotatedData WithEmptyRow(AnnotatedData data, int row)
    {
        var x = (SparseMatrix)data.X!;
        float[] values = [.. x.Values];
        values.AsSpan((int)x.IndPtr[row], (int)(x.IndPtr[row + 1] - x.IndPtr[row])).Clear();
        return Rebuilt(data, new SparseMatrix(x.Rows, x.Columns, x.IndPtr, x.Indices, values));
    }

    internal static AnnotatedData WithLogarithms(AnnotatedData data)
    {
        var x = (SparseMatrix)data.X!;
        return Rebuilt(data, new SparseMatrix(x.Rows, x.Columns, x.IndPtr, x.Indices, [.. x.Values.Select(v => MathF.Log(1 + v))]));
    }

    internal static AnnotatedData WithGenes(AnnotatedData data, Func<int, string> name) =>
        new(data.Obs, new DataFrame([.. Enumerable.Range(0, data.VariableCount).Select(name)]), data.X) { Obsm = data.Obsm };

    internal static AnnotatedData WithRowNames(AnnotatedData data, Func<int, string> name)
    {
        var obs = new DataFrame([.. Enumerable.Range(0, data.ObservationCount).Select(name)]);
        foreach (string column in data.Obs.ColumnNames) obs[column] = data.Obs[column];
        return new AnnotatedData(obs, data.Var, data.X) { Obsm = data.Obsm };
    }

    internal static AnnotatedData WithColumn(AnnotatedData data, string name, Column? column)
    {
        var obs = new DataFrame(data.Obs.Index);
        foreach (string other in data.Obs.ColumnNames)
            if (other != name) obs[other] = data.Obs[other];
        if (column is not null) obs[name] = column;
        return new AnnotatedData(obs, data.Var, data.X) { Obsm = data.Obsm };
    }

    internal static AnnotatedData WithTime(AnnotatedData bulk, int patient, double time)
    {
        double[] times = [.. ((NumericColumn)bulk.Obs["survival_time"]).ToDouble()];
        times[patient] = time;
        return WithColumn(bulk, "survival_time", new NumericColumn(times));
    }

    internal static AnnotatedData WithStatus(AnnotatedData bulk, Func<int, string?, string?> status) =>
        WithColumn(bulk, "vital_status", CategoricalColumn.FromLabels([.. bulk.Obs["vital_status"].ToText().Select((v, i) => status(i, v))]));

    private static AnnotatedData Rebuilt(AnnotatedData data, Matrix x) => new(data.Obs, data.Var, x) { Obsm = data.Obsm };
}
