using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Tensors.Random;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv power</c>: how many patients and events it takes.</summary>
internal sealed class ScSurvPowerCommand : CellcastCommand
{
    private readonly Option<string> _patients = ListOption.Create("--patients", "Sizes of the cohort.", [50, 100, 300, 1000]);
    private readonly Option<string> _events = ListOption.Create("--events", "Shares of patients with an observed event.", [0.1, 0.3, 0.7, 1]);
    private readonly Option<string> _effects = ListOption.Create("--effects", "Sds over patients of the log hazard that the cells explain.", [0.25, 0.5, 0.75, 1]);
    private readonly Option<int> _types = new("--types") { Description = "Cell types that patients differ in.", HelpName = "N", DefaultValueFactory = _ => 12 };
    private readonly Option<int> _simulations = new("--simulations") { Description = "Simulated cohorts for each number.", HelpName = "N", DefaultValueFactory = _ => 400 };
    private readonly Option<string?> _to = new("--to") { Description = "Also write the table to this csv file.", HelpName = "FILE" };

    public ScSurvPowerCommand() : base("power", "Chance to find a signal, by number of patients, share of events and effect.", OutputKind.File, usesSeed: true)
    {
        foreach (Option o in (Option[])[_patients, _events, _effects, _types, _simulations, _to]) Options.Add(o);
        AddExample("cellcast scsurv power --patients 100,200,400 --events 0.5", "what a study of that size can find");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        int[] patients = [.. ListOption.Numbers(a, _patients).Select(v => v is >= 10 and <= 100_000 && v == Math.Floor(v) ? (int)v : throw new UsageException("--patients takes whole numbers from 10 to 100000."))];
        double[] events = [.. ListOption.Numbers(a, _events).Select(v => v is > 0 and <= 1 ? v : throw new UsageException("--events takes shares above 0 and at most 1."))];
        double[] effects = [.. ListOption.Numbers(a, _effects).Select(v => v is >= 0 and <= 10 ? v : throw new UsageException("--effects takes numbers from 0 to 10."))];
        if (a.GetValue(_types) is not (>= 2 and <= 1000)) throw new UsageException("--types takes a whole number from 2 to 1000.");
        if (a.GetValue(_simulations) is not (>= 10 and <= 100_000)) throw new UsageException("--simulations takes a whole number from 10 to 100000.");
        if (a.GetValue(_to) is { } path) context.CheckOutputFile(path);
        RandomKey key = RandomKey.From(context.Seed, "power");
        PowerAnalysis power = PowerAnalysis.OfTypes(a.GetValue(_types), key.Split("patients"));
        var points = new List<PowerPoint>();
        foreach (int n in patients)
            foreach (double share in events)
                foreach (double effect in effects)
                    points.Add(power.Simulate(n, share, effect, a.GetValue(_simulations), key.Split("cohorts"), context.Threads, context.Cancellation));

        var table = new Table().Border(TableBorder.Simple).Title(string.Create(CultureInfo.InvariantCulture, $"chance that the global test finds the signal (p <= {PowerAnalysis.Level})"));
        table.AddColumns(["patients", "events", .. effects.Select(e => string.Create(CultureInfo.InvariantCulture, $"effect {e}"))]);
        foreach (var row in points.GroupBy(p => (p.Patients, p.EventShare)))
            table.AddRow([.. ((string[])[row.Key.Patients.ToString(CultureInfo.InvariantCulture), row.First().Events.ToString(CultureInfo.InvariantCulture)]), .. row.Select(p => p.Power.ToString("P0", CultureInfo.InvariantCulture))]);
        context.Output.Write(table);
        context.Result["power"] = new JsonArray([.. points.Select(p => (JsonNode)new JsonObject { ["patients"] = p.Patients, ["events"] = p.Events, ["effect"] = p.Effect, ["power"] = p.Power })]);
        if (a.GetValue(_to) is { } file) UncertaintyTables.Power(points).Write(file);
    }
}
