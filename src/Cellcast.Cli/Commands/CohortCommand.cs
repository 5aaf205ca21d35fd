using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Hosting;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast cohort</c>: the bulk h5ad file that survival models start from.</summary>
internal sealed class CohortCommand : CellcastCommand
{
    private static readonly CohortOptions s_defaults = new();

    private readonly Option<string> _out = new("--out", "-o") { Description = "The file to write.", HelpName = "FILE.h5ad", Required = true };
    private readonly Option<string?> _counts = new("--counts") { Description = "Raw counts: csv, tsv (also .gz) or any other file with a row or column per sample; with --clinical.", HelpName = "FILE" };
    private readonly Option<string?> _clinical = new("--clinical") { Description = "Clinical table: csv or tsv with survival; with --gdc: the clinical.tsv, if not in the folder.", HelpName = "FILE" };
    private readonly Option<string?> _gdc = new("--gdc") { Description = "Folder of a GDC download: STAR or HTSeq count files, sample sheet, clinical.tsv.", HelpName = "DIR" };
    private readonly Option<string?> _sheet = new("--sample-sheet") { Description = "With --gdc: the sample sheet, if not in the folder.", HelpName = "FILE" };
    private readonly Option<string?> _xena = new("--xena") { Description = "Counts of UCSC Xena, log2(count + 1); with --survival.", HelpName = "FILE" };
    private readonly Option<string?> _survival = new("--survival") { Description = "With --xena: the survival table.", HelpName = "FILE" };
    private readonly Option<string?> _patient = new("--patient") { Description = "Clinical column that names patients or samples as the counts do; the one that fits best when left out.", HelpName = "COLUMN" };
    private readonly Option<string?> _time = new("--time") { Description = "Clinical column with the survival time; found by its usual names when left out.", HelpName = "COLUMN" };
    private readonly Option<string?> _event = new("--event") { Description = "Clinical column with the status: Dead / Alive, 1 / 0, true / false.", HelpName = "COLUMN" };
    private readonly Option<string[]> _types = new("--sample-type") { Description = "Sample types to take, in order of preference (repeatable); 'all' for all.", HelpName = "TYPE", DefaultValueFactory = _ => [.. s_defaults.SampleTypes] };
    private readonly Option<string?> _map = new("--gene-map") { Description = "Ensembl ids to symbols: a table, Xena's probeMap, or a GTF.", HelpName = "FILE" };
    private readonly Option<string> _star = new("--star-column") { Description = "With --gdc: column of the STAR files.", HelpName = "COLUMN", DefaultValueFactory = _ => s_defaults.StarColumn };
    private readonly DataOptions _data = new(RepeatedGenes.Sum);

    public CohortCommand() : base("cohort", "Build the bulk cohort for survival models from tables, a GDC download folder or a Xena pair.", OutputKind.File)
    {
        foreach (Option o in (Option[])[_out, _counts, _clinical, _gdc, _sheet, _xena, _survival, _patient, _time, _event, _types, _map, _star]) Options.Add(o);
        _data.AddTableOptionsTo(this);
        AddExample("cellcast cohort --counts counts.tsv --clinical patients.csv --patient id --time os_days --event died --out bulk.h5ad", "two tables");
        AddExample("cellcast cohort --gdc gdc_download --out bulk.h5ad", "a GDC cart with sample sheet and clinical.tsv");
        AddExample("cellcast cohort --xena TCGA-GBM.htseq_counts.tsv.gz --survival TCGA-GBM.survival.tsv --gene-map gencode.v22.annotation.gene.probeMap --out bulk.h5ad", "UCSC Xena");
    }

    protected internal override void Run(CommandContext context)
    {
        var a = context.Arguments;
        string output = a.GetValue(_out)!;
        if (!output.EndsWith(".h5ad", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"--out '{output}' must end in .h5ad.");
        context.CheckOutputFile(output);
        string? counts = a.GetValue(_counts), clinical = a.GetValue(_clinical), gdc = a.GetValue(_gdc), xena = a.GetValue(_xena), survival = a.GetValue(_survival);
        if (new[] { counts, gdc, xena }.Count(s => s is not null) != 1) throw new UsageException("give one source: --counts with --clinical, --gdc, or --xena with --survival.");
        if (counts is not null && clinical is null) throw new UsageException("--counts needs --clinical, the table with survival.");
        if (xena is not null && survival is null) throw new UsageException("--xena needs --survival, Xena's table with OS and OS.time.");
        if (survival is not null && xena is null) throw new UsageException("--survival belongs to --xena.");
        if (a.GetValue(_sheet) is not null && gdc is null) throw new UsageException("--sample-sheet belongs to --gdc.");
        if (xena is not null && clinical is not null) throw new UsageException("--clinical does not belong to --xena: give --survival.");

        string[] types = a.GetValue(_types)!;
        var options = new CohortOptions
        {
            Patient = a.GetValue(_patient),
            Time = a.GetValue(_time),
            Event = a.GetValue(_event),
            SampleTypes = types is ["all"] ? [] : types,
            GeneMap = a.GetValue(_map),
            Table = _data.TableOf(a),
            SampleSheet = a.GetValue(_sheet),
            Clinical = clinical,
            StarColumn = a.GetValue(_star)!,
        };
        var cohort = counts is not null ? TableCohort.Build(counts, clinical!, options)
            : gdc is not null ? GdcCohort.Build(gdc, options, context.Threads)
            : XenaCohort.Build(xena!, survival!, options);
        context.Cancellation.ThrowIfCancellationRequested();
        H5adFile.Write(output, cohort.Data, new H5adWriteOptions { Threads = context.Threads });

        foreach (var note in cohort.Report.Notes) context.Log.Info(note.ToString());
        if (cohort.Events == 0) context.Log.Warning("nobody in this cohort died, so nothing can be learnt about survival from it.");
        context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"{output}: {cohort.Patients:#,0} patients x {cohort.Data.VariableCount:#,0} genes"));
        context.Result["out"] = Path.GetFullPath(output);
        context.Result["patients"] = cohort.Patients;
        context.Result["events"] = cohort.Events;
        context.Result["genes"] = cohort.Data.VariableCount;
        context.Result["report"] = new JsonArray([.. cohort.Report.Notes.Select(n => new JsonObject
        {
            ["what"] = n.What,
            ["count"] = n.Count,
            ["examples"] = new JsonArray([.. n.Examples.Select(e => JsonValue.Create(e))]),
            ["loss"] = n.IsLoss,
        })]);
    }
}
