using Cellcast.TestSupport;
using Microsoft.Playwright;

namespace Cellcast.Reports.Tests;

/// <summary>One Chromium for all tests of a class.</summary>
public sealed class Browser : IAsyncLifetime, IDisposable
{
    private static readonly string[] s_arguments =
        ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
            // Slowness is no failure: nothing is given up for hung on a busy machine, nothing depends on the size of /dev/shm.
            "--disable-gpu-watchdog", "--disable-hang-monitor", "--disable-dev-shm-usage"];

    private static readonly float s_patience = (float)ExternalTool.Limit.TotalMilliseconds;

    private readonly TemporaryDirectory _folder = new();
    private IPlaywright? _playwright;
    private IBrowser? _browser, _withoutWebGl;

    public async Task InitializeAsync()
    {
        if (!ExternalTool.IsPresent("chromium")) return;
        Assertions.SetDefaultExpectTimeout(s_patience);
        _playwright = await Playwright.CreateAsync();
        _browser = await Launch(s_arguments);
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        if (_withoutWebGl is not null) await _withoutWebGl.DisposeAsync();
        Dispose();
    }

    public void Dispose()
    {
        _playwright?.Dispose();
        _playwright = null;
        _folder.Dispose();
    }

    /// <summary>Opens a report from a file, as a user does.</summary>
    internal async Task<OpenReport> Open(ReportData data, int width = 1200, int height = 900, ColorScheme colors = ColorScheme.Light, bool webGl = true)
    {
        if (!webGl) _withoutWebGl ??= await Launch([.. s_arguments, "--disable-3d-apis"]);
        string path = _folder[Guid.NewGuid().ToString("N") + ".html"];
        using (var file = File.Create(path)) ReportWriter.Write(file, data);
        IBrowserContext context = await (webGl ? _browser! : _withoutWebGl!).NewContextAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = colors, AcceptDownloads = true });
        context.SetDefaultTimeout(s_patience);
        var report = new OpenReport(context, await context.NewPageAsync());
        await report.Page.GotoAsync("file://" + path);
        await report.Page.WaitForSelectorAsync("html[data-ready]");
        return report;
    }

    private Task<IBrowser> Launch(string[] arguments) =>
        _playwright!.Chromium.LaunchAsync(new() { ExecutablePath = ExternalTool.Run("sh", ["-c", "command -v chromium"]).Output.Trim(), Args = arguments, ChromiumSandbox = false, Timeout = s_patience });
}

/// <summary>A report in a browser, and everything that went wrong in it.</summary>
internal sealed class OpenReport : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    internal OpenReport(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.PageError += (_, e) => Troubles.Add("error: " + e);
        page.Console += (_, m) =>
        {
            if (m.Type == "error") Troubles.Add("console: " + m.Text);
        };
        page.Request += (_, r) =>
        {
            if (!r.Url.StartsWith("file:", StringComparison.Ordinal) && !r.Url.StartsWith("data:", StringComparison.Ordinal) && !r.Url.StartsWith("blob:", StringComparison.Ordinal)) Troubles.Add("request: " + r.Url);
        };
        page.Dialog += (_, d) =>
        {
            Troubles.Add("dialog: " + d.Message);
            _ = d.DismissAsync();
        };
    }

    internal IPage Page { get; }

    /// <summary>Errors, requests and dialogs.</summary>
    internal List<string> Troubles { get; } = [];

    /// <summary>Identifiers of the tabs.</summary>
    internal Task<string[]> Tabs() => Page.EvaluateAsync<string[]>("[...document.querySelectorAll('[role=tab]')].map(t => t.id.slice(4))");

    /// <summary>Shows a tab and returns its panel, drawn.</summary>
    internal async Task<ILocator> Show(string tab)
    {
        await Page.Locator("#tab-" + tab).ClickAsync();
        ILocator panel = Page.Locator("#panel-" + tab);
        await panel.Locator(".view").WaitForAsync();
        // Pictures are drawn when their size is known, and anew when what was drawn has changed it.
        await Page.WaitForFunctionAsync("id => [...document.querySelectorAll('#' + id + ' figure .plot')].every(p => p.clientWidth < 40 || p.querySelector('svg').hasChildNodes())", "panel-" + tab);
        await Page.EvaluateAsync("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(r))))");
        return panel;
    }

    /// <summary>Text of a file that a click saves.</summary>
    internal async Task<byte[]> Download(ILocator button)
    {
        IDownload download = await Page.RunAndWaitForDownloadAsync(() => button.ClickAsync());
        return await File.ReadAllBytesAsync((await download.PathAsync())!);
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();
}
